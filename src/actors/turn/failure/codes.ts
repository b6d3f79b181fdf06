import type { ErrorCode, ProviderCode } from './row.ts'

const litellm = 'BerriAI/litellm: litellm/litellm_core_utils/exception_mapping_utils.py'
const anthropic = 'https://docs.claude.com/en/api/errors'

/**
 * Table of the values that name a failure. A value for a whole class of failures (`invalid_request_error`,
 * Ollama's `api_error` for an unknown model) is not in the table, or only as `provider_unavailable`, which
 * yields to words.
 */
export const errorCodes: readonly ErrorCode[] = [
  row('LiteLLM', 'context_overflow', ['ContextWindowExceededError'], litellm),
  row('LiteLLM', 'content_filter', ['ContentPolicyViolationError'], litellm),
  row('LiteLLM', 'auth', ['AuthenticationError', 'PermissionDeniedError'], litellm),
  row('LiteLLM', 'rate_limited', ['RateLimitError'], litellm),
  row('LiteLLM', 'rate_limited', ['budget_exceeded', 'BudgetExceededError'], 'BerriAI/litellm#36729'),
  row('LiteLLM', 'provider_unavailable', ['ServiceUnavailableError', 'BadGatewayError'], litellm),
  row('LiteLLM', 'provider_unavailable', ['InternalServerError', 'APIConnectionError', 'Timeout'], litellm),
  row('OpenAI', 'context_overflow', ['context_length_exceeded'], 'chathub-dev/chathub#126'),
  row('OpenAI', 'auth', ['invalid_api_key'], 'recorded: test/fixtures/recorded/auth401.json'),
  row('OpenAI', 'model_not_found', ['model_not_found'], 'recorded: test/fixtures/recorded/notfound404.json'),
  row('OpenAI', 'content_filter', ['content_policy_violation'], litellm),
  row('OpenAI', 'rate_limited', ['insufficient_quota'], 'Gitlawb/openclaude#1528'),
  row(
    'OpenAI',
    'rate_limited',
    ['rate_limit_exceeded', 'too_many_requests'],
    'anomalyco/opencode: packages/opencode/src/provider/error.ts',
  ),
  row(
    'OpenAI',
    'provider_unavailable',
    ['server_error', 'server_is_overloaded'],
    'anomalyco/opencode: packages/opencode/src/provider/error.ts',
  ),
  row('Azure', 'content_filter', ['content_filter', 'ResponsibleAIPolicyViolation'], litellm),
  row('Azure', 'model_not_found', ['DeploymentNotFound'], 'chatboxai/chatbox#646'),
  row('Anthropic', 'auth', ['authentication_error', 'permission_error'], anthropic),
  row('Anthropic', 'context_overflow', ['request_too_large'], anthropic),
  row('Anthropic', 'rate_limited', ['rate_limit_error'], anthropic),
  row('Anthropic', 'provider_unavailable', ['overloaded_error', 'api_error'], anthropic),
  row('Bedrock', 'rate_limited', ['ThrottlingException', 'throttlingException'], litellm),
  row('Bedrock', 'auth', ['AccessDeniedException'], litellm),
  row(
    'Vertex, Gemini',
    'auth',
    ['UNAUTHENTICATED', 'PERMISSION_DENIED'],
    'https://ai.google.dev/gemini-api/docs/troubleshooting',
  ),
  row(
    'Vertex, Gemini',
    'rate_limited',
    ['RESOURCE_EXHAUSTED'],
    'https://ai.google.dev/gemini-api/docs/troubleshooting',
  ),
  row(
    'Vertex, Gemini',
    'provider_unavailable',
    ['UNAVAILABLE'],
    'https://ai.google.dev/gemini-api/docs/troubleshooting',
  ),
  row('llama.cpp', 'context_overflow', ['exceed_context_size_error'], 'ggml-org/llama.cpp#14566'),
  row('z.ai', 'context_overflow', ['model_context_window_exceeded'], 'anomalyco/opencode#23713'),
  row('DashScope', 'content_filter', ['data_inspection_failed'], 'camel-ai/owl#432'),
  row('Databricks', 'rate_limited', ['REQUEST_LIMIT_EXCEEDED'], 'n8n-io/n8n#38642'),
]

function row(provider: string, code: ProviderCode, values: readonly string[], source: string): ErrorCode {
  return { provider, code, values, source }
}
