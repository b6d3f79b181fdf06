import type { WireError } from '../../../../../src/io/opencode/wire.ts'
import type { ProviderCode } from '../../../../../src/actors/turn/failure/row.ts'

/** Response of a provider, and the code of its failure. */
export interface Body {
  provider: string
  status: number
  body: unknown
  code: ProviderCode
}

const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  402: 'Payment Required',
  404: 'Not Found',
}

/** OpenAI's form of an error, which most providers use. */
const openai = (message: string, fields: Record<string, unknown> = {}) => ({
  error: { message, type: 'invalid_request_error', param: null, code: null, ...fields },
})
const google = (code: number, message: string, status: string) => [{ error: { code, message, status } }]
const listed =
  (code: ProviderCode) =>
  (provider: string, body: unknown, status = 400): Body => ({ provider, status, body, code })

const overflow = listed('context_overflow')
const filter = listed('content_filter')
const auth = listed('auth')
const model = listed('model_not_found')
const limit = listed('rate_limited')

/** Bodies in the forms of the sources that the tables name. Some are composed from a reported wording. */
export const bodies: readonly Body[] = [
  overflow(
    'LiteLLM',
    openai(
      'litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: OpenAIException - Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 280000 tokens.\nReceived Model Group=gpt-5\nAvailable Model Group Fallbacks=None',
      { type: null, code: '400' },
    ),
  ),
  overflow('LiteLLM', openai("The input exceeds the model's maximum context limit of 8192 tokens.")),
  overflow(
    'OpenAI, Azure',
    openai(
      "This model's maximum context length is 4097 tokens. However, your messages resulted in 7575 tokens. Please reduce the length of the messages.",
      { param: 'messages', code: 'context_length_exceeded' },
    ),
  ),
  overflow(
    'OpenAI',
    openai('Your input exceeds the context window of this model.', { code: 'context_length_exceeded' }),
  ),
  overflow('Anthropic', {
    type: 'error',
    error: { type: 'invalid_request_error', message: 'prompt is too long: 201130 tokens > 200000 maximum' },
    request_id: 'req_011CUxvgPsLcjkyzm6NHj17F',
  }),
  overflow('Anthropic', {
    type: 'error',
    error: {
      type: 'invalid_request_error',
      message:
        'input length and `max_tokens` exceed context limit: 187254 + 20000 > 204798, decrease input length or `max_tokens` and try again',
    },
  }),
  overflow('Bedrock', { message: 'Input is too long for requested model.' }),
  overflow('Bedrock', {
    error: {
      type: 'invalid_request_error',
      message: 'prompt tokens (210000) exceed model maximum (200000)',
    },
  }),
  overflow(
    'Vertex, Gemini',
    google(
      400,
      'The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).',
      'INVALID_ARGUMENT',
    ),
  ),
  overflow('vLLM', {
    object: 'error',
    message:
      'The decoder prompt (length 40961) is longer than the maximum model length of 40960. Make sure that `max_model_len` is no smaller than the number of text tokens.',
    type: 'BadRequestError',
    param: null,
    code: 400,
  }),
  overflow('vLLM', {
    error: {
      message:
        "You passed 98305 input tokens and requested 32768 output tokens. However, the model's context length is only 131072 tokens, resulting in a maximum input length of 98304 tokens. Please reduce the length of the input prompt. (parameter=input_tokens, value=98305)",
      type: 'BadRequestError',
      param: 'input_tokens',
      code: 400,
    },
  }),
  overflow('SGLang', {
    object: 'error',
    message:
      "Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of 4320 tokens: 1320 tokens from the input messages and 3000 tokens for the completion.",
    type: 'BadRequestError',
    param: null,
    code: 400,
  }),
  overflow('SGLang', {
    object: 'error',
    message: "The input (85050 tokens) is longer than the model's context length (32768 tokens).",
    type: 'BadRequestError',
    param: null,
    code: 400,
  }),
  overflow('SGLang', {
    error: {
      code: 400,
      message:
        'Input length (600013 tokens) exceeds the maximum allowed length (536826 tokens). Use a shorter input or enable --allow-auto-truncate.',
      object: 'error',
      param: null,
      type: 'BAD_REQUEST',
    },
    model: 'weak',
  }),
  overflow(
    'TGI',
    {
      error:
        'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. Given: 3474 `inputs` tokens and 60 `max_new_tokens`',
      error_type: 'validation',
    },
    422,
  ),
  overflow(
    'TGI',
    {
      error: 'Input validation error: `inputs` must have less than 1024 tokens. Given: 1168',
      error_type: 'validation',
    },
    422,
  ),
  overflow('llama.cpp', {
    error: {
      code: 400,
      message: 'request (10240 tokens) exceeds the available context size (8192 tokens), try increasing it',
      type: 'exceed_context_size_error',
      n_prompt_tokens: 10240,
      n_ctx: 8192,
    },
  }),
  overflow(
    'Ollama',
    openai('prompt too long; exceeded max context length by 4096 tokens', { type: 'api_error' }),
  ),
  overflow('LM Studio', {
    error:
      'The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 11149>= n_ctx: 4096). Try to load the model with a larger context length, or provide a shorter input.',
  }),
  overflow('LM Studio', {
    error:
      'Trying to keep the first 11149 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough. Try to load the model with a larger context length, or provide a shorter input',
  }),
  overflow('LM Studio', { error: 'Context size has been exceeded.' }),
  overflow('OpenRouter', {
    error: {
      message: 'Provider returned error',
      code: 400,
      metadata: {
        raw: '{"error":{"message":"Input length 131393 exceeds the maximum allowed input length of 131040 tokens.","type":"invalid_request_error","code":400}}',
        provider_name: 'Poolside',
      },
    },
  }),
  overflow('Mistral', {
    object: 'error',
    message:
      'Prompt contains 300000 tokens and 0 draft tokens, too large for model with 131072 maximum context length',
    type: 'invalid_request_error',
    param: null,
    code: '3051',
  }),
  overflow('DashScope', {
    error: {
      code: 'invalid_parameter_error',
      message: '<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 983616]',
      param: null,
      type: 'invalid_request_error',
    },
    request_id: '81a373d6-28bd-9968-8335-e22a2127c41b',
  }),
  overflow('Databricks', {
    error_code: 'BAD_REQUEST',
    message: 'Exceeded max input tokens: 140000 > 128000',
  }),
  overflow('Zhipu', { error: { code: '1261', message: 'Prompt exceeds max length' } }),
  overflow(
    'Moonshot',
    openai('Invalid request: Your request exceeded model token limit: 262144 (requested: 269030)'),
  ),
  overflow(
    'Cerebras',
    openai('Please reduce the length of the input. Current length is 9000 while limit is 8192'),
  ),
  overflow(
    'xAI',
    openai("This model's maximum prompt length is 131072 but the request contains 537812 tokens."),
  ),
  overflow('Groq', openai('Please reduce the length of the messages or completion.')),
  overflow('MiniMax', openai('invalid params, context window exceeds limit')),

  filter(
    'OpenAI',
    openai(
      'Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again with a different prompt: https://platform.openai.com/docs/guides/reasoning#advice-on-prompting',
      { code: 'invalid_prompt' },
    ),
  ),
  filter('OpenAI', openai('Your request was rejected as a result of our safety system.')),
  filter('Azure', {
    error: {
      message:
        "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry.",
      type: null,
      param: 'prompt',
      code: 'content_filter',
      status: 400,
      innererror: { code: 'ResponsibleAIPolicyViolation' },
    },
  }),
  filter('Azure', {
    error: {
      message:
        "The response was filtered due to the prompt triggering Microsoft's content management policy. Please modify your prompt and retry.",
      type: null,
      param: 'prompt',
      code: null,
    },
  }),
  filter('Anthropic', {
    type: 'error',
    error: { type: 'invalid_request_error', message: 'Output blocked by content filtering policy' },
    request_id: 'req_011CaxpBxEpLvE6AvvuDD5BW',
  }),
  filter('DashScope', {
    error: {
      code: 'data_inspection_failed',
      param: null,
      message: 'Input data may contain inappropriate content.',
      type: 'data_inspection_failed',
    },
    id: 'chatcmpl-deab386b-2562-9a7b-b8fa-0ba9385a5c28',
  }),
  filter('DeepSeek', openai('Content Exists Risk', { code: 'invalid_request_error' })),

  auth('LiteLLM', openai('Authentication Error, Invalid proxy server token passed.', { code: '400' })),
  auth('LiteLLM', openai('No connected db.', { type: 'no_db_connection', code: '400' })),
  auth('OpenAI', openai('Incorrect API key provided: sk-5039. You can find your API key at https://…')),
  auth('Anthropic', {
    type: 'error',
    error: { type: 'authentication_error', message: 'invalid x-api-key' },
  }),
  auth('Bedrock', { message: 'The security token included in the request is invalid.' }),
  auth('Vertex, Gemini', google(400, 'API key not valid. Please pass a valid API key.', 'INVALID_ARGUMENT')),
  auth('OpenRouter', { error: { message: 'No auth credentials found', code: 401 } }),
  auth(
    'DeepSeek',
    openai(
      'litellm.BadRequestError: DeepseekException - {"error":{"message":"Authentication Fails, Your api key: ****cd15 is invalid","type":"authentication_error","param":null,"code":"invalid_request_error"}}',
      { type: null, code: '400' },
    ),
  ),

  model(
    'LiteLLM',
    openai(
      '/chat/completions: Invalid model name passed in model=ghost. Call `/v1/models` to view available models for your key.',
      { code: '400' },
    ),
  ),
  model(
    'OpenAI',
    openai('The model `gpt-9` does not exist or you do not have access to it.', { code: 'model_not_found' }),
    404,
  ),
  model(
    'vLLM',
    {
      object: 'error',
      message: 'The model `/data/Qwen1.5-72B-Chat` does not exist.',
      type: 'NotFoundError',
      param: null,
      code: 404,
    },
    404,
  ),
  model(
    'Azure',
    {
      error: {
        code: 'DeploymentNotFound',
        message:
          'The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.',
      },
    },
    404,
  ),
  model(
    'Anthropic',
    { type: 'error', error: { type: 'not_found_error', message: 'model: claude-4.5-sonnet' } },
    404,
  ),
  model('Bedrock', { message: 'The provided model identifier is invalid.' }),
  model(
    'Gemini',
    google(
      404,
      'models/gemini-pro is not found for API version v1beta, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods.',
      'NOT_FOUND',
    ),
    404,
  ),
  model(
    'Vertex',
    google(
      404,
      'Publisher Model `projects/p/locations/us-central1/publishers/google/models/gemini-3` was not found or your project does not have access to it.',
      'NOT_FOUND',
    ),
    404,
  ),
  model('Ollama', openai('model "llama9" not found, try pulling it first', { type: 'api_error' }), 404),
  model('LM Studio', {
    error: "No models loaded. Please load a model in the developer page or use the 'lms load' command.",
  }),
  model(
    'LM Studio',
    openai('Invalid model identifier "o4-mini". Please specify a valid downloaded model (e.g., qwen3-14b).', {
      param: 'model',
      code: 'model_not_found',
    }),
  ),
  model(
    'OpenRouter',
    { error: { message: 'No endpoints found for deepseek/deepseek-chat-v3.1:free.', code: 404 } },
    404,
  ),
  model('DeepSeek', openai('Model Not Exist', { code: 'invalid_request_error' })),

  limit(
    'LiteLLM',
    openai(
      'litellm.BadRequestError: OpenAIException - Budget has been exceeded! Current cost: 26.075, Max budget: 0.25. Received Model Group=llama3\nAvailable Model Group Fallbacks=None',
      { type: null, code: '400' },
    ),
  ),
  limit(
    'LiteLLM',
    openai('LiteLLM User: engineer-1, exceeded budget for model=claude-opus', { code: '400' }),
  ),
  limit(
    'LiteLLM',
    openai(
      'litellm.BadRequestError: No deployments available for selected model, Try again in 60 seconds. Passed model=gpt-4o.',
      { code: '400' },
    ),
  ),
  limit(
    'OpenAI',
    openai('You exceeded your current quota, please check your plan and billing details.', {
      type: 'insufficient_quota',
      code: 'insufficient_quota',
    }),
  ),
  limit('Anthropic', {
    type: 'error',
    error: {
      type: 'rate_limit_error',
      message: "This request would exceed your account's rate limit. Please try again later.",
    },
  }),
  limit('Bedrock', { message: 'Too many tokens, please wait before trying again.' }),
  limit(
    'OpenRouter',
    {
      error: {
        message: 'Insufficient credits. Add more using https://openrouter.ai/settings/credits',
        code: 402,
      },
    },
    402,
  ),
  limit('Mistral', {
    object: 'error',
    message: 'Service tier capacity exceeded for this model.',
    type: 'service_tier_capacity_exceeded',
    param: null,
    code: '3505',
  }),
  limit('DeepSeek', openai('Insufficient Balance', { type: 'unknown_error' }), 402),
  limit('Databricks', {
    error_code: 'REQUEST_LIMIT_EXCEEDED',
    message:
      'REQUEST_LIMIT_EXCEEDED: Exceeded workspace QPS rate limit for databricks-qwen. Please use a provisioned throughput endpoint.',
  }),
  limit(
    'Moonshot',
    openai('Your account request reached max organization concurrency: 1, please try again after 1 seconds'),
  ),
]

/** Returns a response as opencode 1.18.33 reports it. */
export function reported({ status, body }: Pick<Body, 'status' | 'body'>): WireError {
  const responseBody = JSON.stringify(body)
  const { error, message } = body as { error?: string | { message?: string }; message?: string }
  const reason = reasons[status] ?? 'Unprocessable Entity'
  const said = typeof error === 'object' ? error.message : undefined
  const text = message ?? (typeof error === 'string' ? error : undefined) ?? responseBody
  return {
    name: 'APIError',
    message: said ?? `${reason}: ${text}`,
    statusCode: status,
    isRetryable: false,
    body: responseBody,
  }
}

/** Returns the innermost message of a body. */
export function messageIn({ body }: Pick<Body, 'body'>): string {
  const { error, message } = (Array.isArray(body) ? body[0] : body) as {
    error?: string | { message: string }
    message?: string
  }
  return (typeof error === 'object' ? error.message : error) ?? message ?? ''
}
