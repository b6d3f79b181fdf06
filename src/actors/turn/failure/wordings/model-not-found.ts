import type { Wording } from '../row.ts'

const code = 'model_not_found'

/** Words for a model that the provider does not have, or does not let the key use. */
export const modelNotFound: readonly Wording[] = [
  {
    provider: 'LiteLLM',
    code,
    pattern: /\binvalid model name passed in model=/i,
    source: 'seen in LiteLLM 1.102.4',
  },
  {
    provider: 'OpenAI',
    code,
    pattern: /\bthe model [`'"][^`'"]+[`'"] does not exist/i,
    source: 'test/fixtures/recorded/notfound404.json',
  },
  {
    provider: 'vLLM',
    code,
    pattern: /\bthe model [`'"][^`'"]+[`'"] does not exist/i,
    source: 'vllm-project/vllm#3485',
  },
  {
    provider: 'Azure',
    code,
    pattern: /api deployment for this resource does not exist/i,
    source: 'chatboxai/chatbox#646',
  },
  // The hyphen of a model's name tells the words from those of a validation (`model: required`).
  {
    provider: 'Anthropic',
    code,
    pattern: /^model: [\w.:@/]+-[\w.:@/-]+$/i,
    source: 'RooCodeInc/Roo-Code#8379',
  },
  {
    provider: 'Bedrock',
    code,
    pattern: /provided model identifier is invalid/i,
    source: 'anomalyco/opencode#11037',
  },
  {
    provider: 'Gemini',
    code,
    pattern: /^models\/\S+ is not found for api version/i,
    source: 'google-gemini/gemini-api-quickstart#20',
  },
  {
    provider: 'Vertex',
    code,
    pattern: /publisher model \S+ was not found/i,
    source: 'BerriAI/litellm#17132',
  },
  {
    provider: 'Ollama',
    code,
    pattern: /^model ['"][^'"]+['"] not found/i,
    source: 'netease-youdao/QAnything#555',
  },
  {
    provider: 'LM Studio',
    code,
    pattern: /^no models loaded\. please load a model/i,
    source: 'lmstudio-ai/lmstudio-bug-tracker#1730',
  },
  {
    provider: 'LM Studio',
    code,
    pattern: /^invalid model identifier "/i,
    source: 'assafelovic/gpt-researcher#1556',
  },
  {
    provider: 'OpenRouter',
    code,
    pattern: /^no endpoints found for \S+\//i,
    source: 'chatboxai/chatbox#2743',
  },
  { provider: 'DeepSeek', code, pattern: /^model not exist/i, source: 'coze-dev/coze-studio#293' },
]
