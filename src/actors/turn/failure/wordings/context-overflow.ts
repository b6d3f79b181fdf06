import type { Wording } from '../row.ts'

const code = 'context_overflow'
const litellm = 'BerriAI/litellm: litellm/litellm_core_utils/exception_mapping_utils.py'
const opencode = 'anomalyco/opencode: packages/opencode/src/provider/error.ts'

/** Words for a prompt that is longer than the model's context. */
export const contextOverflow: readonly Wording[] = [
  { provider: 'LiteLLM', code, pattern: /input tokens exceed the configured limit/i, source: litellm },
  { provider: 'LiteLLM', code, pattern: /exceeds the model's maximum context limit/i, source: litellm },
  {
    provider: 'OpenAI, Azure',
    code,
    pattern: /maximum context length is [\d,]+ tokens/i,
    source: 'smol-ai/developer#7',
  },
  { provider: 'OpenAI', code, pattern: /exceeds the context window of this model/i, source: opencode },
  {
    provider: 'Anthropic',
    code,
    pattern: /prompt is too long: [\d,]+ tokens/i,
    source: 'anthropics/claude-code#11281',
  },
  {
    provider: 'Anthropic',
    code,
    pattern: /exceed context limit: \d+/i,
    source: 'stackblitz/bolt.new#7414',
  },
  {
    provider: 'Bedrock',
    code,
    pattern: /input is too long for requested model/i,
    source: 'aws-samples/bedrock-chat#95',
  },
  {
    provider: 'Bedrock',
    code,
    pattern: /prompt tokens \(\d+\) exceed model maximum/i,
    source: litellm,
  },
  {
    provider: 'Vertex, Gemini',
    code,
    pattern: /input token count (?:\(\d+\) )?exceeds the maximum number of tokens allowed/i,
    source: 'google-gemini/gemini-cli#6678',
  },
  {
    provider: 'vLLM',
    code,
    pattern: /prompt (?:\(length \d+\)|length of \d+) is longer than the maximum model length/i,
    source: 'EvolvingLMMs-Lab/lmms-eval#711',
  },
  {
    provider: 'vLLM',
    code,
    pattern: /the model's context length is only \d+/i,
    source: 'vllm-project/vllm: vllm/renderers/params.py',
  },
  {
    provider: 'SGLang',
    code,
    pattern: /exceeds the model's maximum context length/i,
    source: 'sgl-project/sglang#3642',
  },
  {
    provider: 'SGLang',
    code,
    pattern: /is longer than the model's context length/i,
    source: 'sgl-project/sglang#8096',
  },
  {
    provider: 'SGLang',
    code,
    pattern: /input length \(\d+ tokens\) exceeds the maximum allowed length/i,
    source: 'sgl-project/sglang: validate_input_length',
  },
  {
    provider: 'TGI',
    code,
    pattern: /`inputs` tokens \+ `max_new_tokens` must be <=/i,
    source: 'huggingface/text-generation-inference#628',
  },
  {
    provider: 'TGI',
    code,
    pattern: /`inputs` must have less than \d+ tokens/i,
    source: 'huggingface/text-generation-inference#695',
  },
  {
    provider: 'llama.cpp',
    code,
    pattern: /exceeds the available context size/i,
    source: 'ggml-org/llama.cpp#14566',
  },
  {
    provider: 'Ollama',
    code,
    pattern: /prompt too long; exceeded (?:max )?context length/i,
    source: 'openclaw/openclaw#36074',
  },
  {
    provider: 'LM Studio',
    code,
    pattern: /initial prompt is greater than the context length/i,
    source: 'lmstudio-ai/lmstudio-bug-tracker#2322',
  },
  {
    provider: 'LM Studio',
    code,
    pattern: /model is loaded with context length of only \d+ tokens/i,
    source: 'lmstudio-ai/lmstudio-bug-tracker#546',
  },
  {
    provider: 'LM Studio',
    code,
    pattern: /^context size has been exceeded/i,
    source: 'lmstudio-ai/lmstudio-bug-tracker#2339',
  },
  {
    provider: 'OpenRouter',
    code,
    pattern: /exceeds the maximum allowed input length of/i,
    source: 'earendil-works/pi#4943',
  },
  {
    provider: 'Mistral',
    code,
    pattern: /too large for model with \d+ maximum context length/i,
    source: 'https://docs.mistral.ai/resources/known-limitations',
  },
  {
    provider: 'DashScope',
    code,
    pattern: /range of input length should be/i,
    source: 'QwenLM/qwen-code#98',
  },
  {
    provider: 'Databricks',
    code,
    pattern: /^exceeded max input tokens/i,
    source: 'a trial of this package; no public page known',
  },
  {
    provider: 'Zhipu',
    code,
    pattern: /prompt exceeds max length/i,
    source: 'mangowhoiscloud/geode#668',
  },
  {
    provider: 'Moonshot',
    code,
    pattern: /exceeded model token limit/i,
    source: 'open-octo/octo-agent#2124',
  },
  { provider: 'Cerebras', code, pattern: /current length is \d+ while limit is \d+/i, source: litellm },
  { provider: 'xAI', code, pattern: /maximum prompt length is \d+/i, source: opencode },
  { provider: 'Groq', code, pattern: /reduce the length of the messages/i, source: opencode },
  { provider: 'MiniMax', code, pattern: /context window exceeds limit/i, source: opencode },
]
