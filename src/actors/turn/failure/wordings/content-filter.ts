import type { Wording } from '../row.ts'

const code = 'content_filter'
const litellm = 'BerriAI/litellm: litellm/litellm_core_utils/exception_mapping_utils.py'

/** Words for a prompt or an answer that a filter refused. */
export const contentFilter: readonly Wording[] = [
  {
    provider: 'OpenAI',
    code,
    pattern: /prompt was flagged as potentially violating our usage policy/i,
    source: 'BeehiveInnovations/pal-mcp-server#178',
  },
  {
    provider: 'OpenAI',
    code,
    pattern: /request was rejected as a result of (?:our|the) safety system/i,
    source: litellm,
  },
  {
    provider: 'Azure',
    code,
    pattern: /filtered due to the prompt triggering azure openai's content management/i,
    source: litellm,
  },
  {
    provider: 'Azure',
    code,
    pattern: /filtered due to the prompt triggering microsoft's content management/i,
    source: 'gpt4free/g4f.dev#81',
  },
  {
    provider: 'Anthropic',
    code,
    pattern: /blocked by content filtering policy/i,
    source: 'anthropics/claude-code#58367',
  },
  {
    provider: 'DashScope',
    code,
    pattern: /(?:input|output) (?:text )?data may contain inappropriate content/i,
    source: 'camel-ai/owl#432',
  },
  { provider: 'DeepSeek', code, pattern: /^content exists risk/i, source: '666ghj/BettaFish#108' },
]
