import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type * as Aimock from '@copilotkit/aimock'
import { sendReply } from './model-reply.ts'
import { readModelRequest } from './model-request.ts'
import type { ModelRequest } from './model-request.ts'
import { compileScript } from './model-script.ts'
import type { ErrorReply, ScriptedReply, ScriptedRule } from './model-script.ts'

/** Options of {@link startScriptedModel}. */
export interface ScriptedModelOptions {
  /**
   * Only accepted bearer token. Any other token is answered with 401 and recorded as `rejected`.
   *
   * @defaultValue every request is accepted
   */
  apiKey?: string
}

/** Running scripted model. */
export interface ScriptedModel extends AsyncDisposable {
  /** Value for a provider's `options.baseURL`: `http://127.0.0.1:PORT/v1`, on a new free port each time. */
  readonly baseURL: string
  /** All chat-completion requests so far, in order of arrival. Grows while the model runs. */
  readonly requests: readonly ModelRequest[]
  /** Cuts open and hanging responses and closes the port. Safe to call twice. */
  stop(): Promise<void>
}

const NOT_A_CHAT: ErrorReply = {
  error: { status: 400, message: 'the body is not a chat-completion request' },
}
const WRONG_KEY: ErrorReply = {
  error: { status: 401, message: 'Incorrect API key provided.', code: 'invalid_api_key' },
}
const HELPER_REPLIES = { title: { text: 'Scripted title' }, summary: { text: 'Scripted summary' } } as const

/**
 * Starts an OpenAI-compatible model on a loopback port. The model answers `POST /v1/chat/completions` by a
 * script and never calls another machine. opencode's title and compaction requests get a fixed text and use
 * up no rule.
 *
 * @remarks aimock provides the HTTP server, the chunk builder and the SSE writer. Its fixtures are not used,
 * for five reasons: they fix pauses per fixture rather than per reply, lose the chunks before a cut, cannot
 * set an error's headers, redact `authorization` in recordings, and count a sequence per server (or test id)
 * rather than per turn. A handler inside aimock's server therefore answers from the script.
 *
 * @param script - The rules; the first matching rule answers.
 * @param options - Access control of the model.
 * @returns The model, which listens.
 * @throws Error if the optional package `@copilotkit/aimock` is missing.
 *
 * @example
 * import { startScriptedModel } from 'opencode-runtime/testing'
 *
 * const list = { name: 'bash', args: { command: 'ls', description: 'ls' } }
 * const tooMany = { status: 429, message: 'slow down', headers: { 'retry-after': '1' } }
 * await using model = await startScriptedModel([
 *   { match: 'list', reply: [{ toolCalls: [list] }, { text: 'done' }] },
 *   { match: /busy/, reply: { error: tooMany }, times: 1 },
 *   { match: /busy|hello/, reply: { text: ['Hel', 'lo'], chunkDelayMs: 20 } },
 * ])
 * console.log(model.baseURL) // the `baseURL` of a server's proxy
 */
export async function startScriptedModel(
  script: readonly ScriptedRule[],
  options: ScriptedModelOptions = {},
): Promise<ScriptedModel> {
  const aimock = await loadAimock()
  const requests: ModelRequest[] = []
  const handler = chatHandler(aimock, requests, compileScript(script), options.apiKey)
  const { server, url } = await aimock.createServer([], { host: '127.0.0.1', port: 0 }, [
    { path: '/v1', handler },
  ])
  let stopped: Promise<void> | undefined
  const stop = () => (stopped ??= close(server))
  return { baseURL: `${url}/v1`, requests, stop, [Symbol.asyncDispose]: stop }
}

/**
 * Loads aimock on first use, because the package is optional and the other parts of the test kit do not need
 * it.
 */
async function loadAimock(): Promise<typeof Aimock> {
  try {
    return await import('@copilotkit/aimock')
  } catch (cause) {
    throw new Error(
      'The scripted model needs @copilotkit/aimock. Run npm install --save-dev @copilotkit/aimock.',
      {
        cause,
      },
    )
  }
}

/**
 * Returns a handler for chat completions. aimock answers the other paths under `/v1`, such as `/v1/models`.
 */
function chatHandler(
  aimock: typeof Aimock,
  requests: ModelRequest[],
  replyTo: (request: ModelRequest) => Promise<ScriptedReply>,
  apiKey: string | undefined,
): Aimock.Mountable {
  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = readModelRequest(await text(incoming), incoming.headers)
    const allowed = apiKey === undefined || incoming.headers.authorization === `Bearer ${apiKey}`
    if (request && !allowed) request.kind = 'rejected'
    if (request) requests.push(request)
    const body = request?.body ?? { model: '', messages: [] }
    await sendReply(aimock, response, body, await choose(request, allowed, replyTo))
  }
  return {
    handleRequest: async (incoming, response, path) => {
      if (incoming.method !== 'POST' || path !== '/chat/completions') return false
      await answer(incoming, response)
      return true
    },
  }
}

async function choose(
  request: ModelRequest | undefined,
  allowed: boolean,
  replyTo: (request: ModelRequest) => Promise<ScriptedReply>,
): Promise<ScriptedReply> {
  if (!allowed) return WRONG_KEY
  if (!request) return NOT_A_CHAT
  if (request.kind === 'title' || request.kind === 'summary') return HELPER_REPLIES[request.kind]
  return replyTo(request)
}

function close(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => {
      if (error) reject(error)
      else resolve()
    })
    server.closeAllConnections()
  })
}
