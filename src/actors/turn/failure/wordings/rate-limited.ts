import type { Wording } from '../row.ts'

const code = 'rate_limited'
const litellm = 'BerriAI/litellm: litellm/litellm_core_utils/exception_mapping_utils.py'

/** Words for a limit on requests, tokens or money. */
export const rateLimited: readonly Wording[] = [
  { provider: 'LiteLLM', code, pattern: /budget has been exceeded!/i, source: 'BerriAI/litellm#14144' },
  {
    provider: 'LiteLLM',
    code,
    pattern: /exceeded budget for (?:model|deployment)|^exceededbudget: /i,
    source: 'BerriAI/litellm#14144',
  },
  {
    provider: 'LiteLLM',
    code,
    pattern: /no deployments available (?:for selected model|- crossed budget)/i,
    source: 'BerriAI/litellm#7669',
  },
  {
    provider: 'OpenAI',
    code,
    pattern: /you exceeded your current quota/i,
    source: 'ChatGPTNextWeb/NextChat#3123',
  },
  {
    provider: 'Anthropic',
    code,
    pattern: /would exceed your account's rate limit/i,
    source: 'anthropics/claude-code#55789',
  },
  {
    provider: 'Bedrock',
    code,
    pattern: /^too many (?:tokens|requests), please wait before trying again/i,
    source: 'anthropics/claude-code#1466',
  },
  {
    provider: 'OpenRouter',
    code,
    pattern: /^insufficient credits|requires more credits, or fewer max_tokens/i,
    source: 'Gitlawb/openclaude#43',
  },
  { provider: 'Mistral', code, pattern: /service tier capacity exceeded/i, source: litellm },
  { provider: 'DeepSeek', code, pattern: /^insufficient balance/i, source: '1Panel-dev/MaxKB#3797' },
  {
    provider: 'Databricks',
    code,
    pattern: /^(?:request_limit_exceeded: )?exceeded workspace \w+ rate limit/i,
    source: 'n8n-io/n8n#38642',
  },
  {
    provider: 'Moonshot',
    code,
    pattern: /reached max organization \w+: \d+, please try again/i,
    source: 'a trial of this package; no public page known',
  },
]

/**
 * Words that mean a limit only in a retry notice. A notice is a sign of a 429 or of a 5xx, and has no status.
 */
export const rateLimitedRetry: readonly Wording[] = [
  {
    provider: 'OpenRouter',
    code,
    pattern: /^provider returned error$/i,
    source: 'continuedev/continue#10442',
  },
  {
    provider: 'any',
    code,
    pattern: /rate.?limit|too many requests|\b429\b|quota|throttl/i,
    source: 'test/fixtures/recorded/ratelimit-forever.json',
  },
]
