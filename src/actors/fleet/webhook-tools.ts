import { webhookSecretOf, type CompiledFleetOptions } from '../../config/compiled-fleet.ts'
import type { AgentName } from '../../config/compiled-options.ts'
import { hostTool, type HostTool, type HostToolCall } from '../../config/host-tool.ts'
import type { ResolvedWebhookTool } from '../../config/webhook-tool.ts'
import { loadModule } from '../../io/host/load-module.ts'
import { WebhookFault } from '../../io/webhook/webhook-fault.ts'
import { messageOf } from '../../util/messages.ts'

/** Logs a condition that needs a user's attention. */
type Warn = (message: string, fields: Readonly<Record<string, string>>) => void

/** Host tools of a fleet's agents that webhooks run. */
export class WebhookTools {
  readonly #options: CompiledFleetOptions
  readonly #warn: Warn

  constructor(options: CompiledFleetOptions, warn: Warn) {
    this.#options = options
    this.#warn = warn
  }

  /** Returns the host tool of a webhook. Each call of the tool is one signed request. */
  readonly toolOf = (agent: AgentName, tool: ResolvedWebhookTool): HostTool => {
    const { description, inputSchema: input, ask, timeoutMs } = tool
    const execute = (args: unknown, call: HostToolCall): Promise<unknown> =>
      this.#call(agent, tool, args, call)
    return hostTool({ description, input, ask, timeoutMs, execute })
  }

  async #call(
    { id: agentId, tenant }: AgentName,
    tool: ResolvedWebhookTool,
    args: unknown,
    call: HostToolCall,
  ): Promise<unknown> {
    const warn = (what: string): void =>
      this.#warn(`The webhook of the tool ${tool.name} ${what}`, { agentId, tenant, turnId: call.turnId })
    try {
      const secrets = await this.#secrets(warn)
      return await post(tool, args, call, secrets)
    } catch (error) {
      if (isTimeout(call.signal)) warn(`did not answer within ${tool.timeoutMs} ms`)
      if (!(error instanceof WebhookFault)) throw error
      warn(error.message)
      throw new Error(`The webhook of the tool ${tool.name} ${error.message}`, { cause: error })
    }
  }

  /** Returns the secrets that sign a call. The file is read for each call, so that a replaced secret counts at once. */
  async #secrets(warn: (what: string) => void): Promise<readonly string[]> {
    const given = webhookSecretOf(this.#options)
    if (given !== undefined) return [given]
    try {
      const { webhookSecrets } = await loadSecrets()
      return await webhookSecrets(this.#options.values.dataDir)
    } catch (error) {
      // The message names a path of the host, which is not for the model.
      warn(`cannot be called: ${messageOf(error)}`)
      throw new WebhookFault('was not called, because the host could not read its secret', { cause: error })
    }
  }
}

/** Loads the modules that only calls of webhooks need. */
const loadSecrets = () =>
  loadModule('./webhook-secrets.js', () => import('../../io/fleet/webhook-secrets.ts'))
const loadPostCall = () => loadModule('./post-call.js', () => import('../../io/webhook/post-call.ts'))

async function post(
  { name, url }: ResolvedWebhookTool,
  args: unknown,
  { context, turnId, sessionId, callId, signal }: HostToolCall,
  secrets: readonly string[],
): Promise<unknown> {
  const { postCall } = await loadPostCall()
  const call = { tool: name, args, context, turn_id: turnId, session_id: sessionId, call_id: callId }
  return postCall(call, { url, secrets, signal })
}

/** Returns whether the time limit of a call has passed, unlike a turn that has ended. */
const isTimeout = ({ aborted, reason }: AbortSignal): boolean =>
  aborted && reason instanceof DOMException && reason.name === 'TimeoutError'
