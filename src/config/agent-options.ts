import { namingAgent } from './agent-error.ts'
import { serverLayer } from './agent-layers.ts'
import { agentLimits } from './agent-limits.ts'
import { CompiledOptions, type AgentName } from './compiled-options.ts'
import { agentDefaults, homeOf, type CompiledFleetOptions } from './compiled-fleet.ts'
import type { AgentSpec, ResolvedAgent } from './fleet-options.ts'
import { isHostTool, type HostTool } from './host-tool.ts'
import { resolvedSchema } from './fleet-schema.ts'
import { parse } from './validation.ts'
import type { ResolvedWebhookTool } from './webhook-tool.ts'

export { agentLimits, type ResolvedAgentLimits } from './agent-limits.ts'
export { changesServer, isSameAgent } from './same-agent.ts'

/** Makes the host tool that calls a webhook of an agent. */
export type WebhookToTool = (agent: AgentName, tool: ResolvedWebhookTool) => HostTool

/**
 * Returns the options of an agent's server: the defaults of the fleet, under the spec, under what `resolve`
 * returned.
 *
 * @param before - Options of the agent's server until now. The revision is one higher, and the secrets of these
 * options stay masked.
 * @param webhook - makes the host tool of a webhook
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names the agent and the option
 */
export function compileAgent(
  fleet: CompiledFleetOptions,
  spec: AgentSpec,
  resolved: ResolvedAgent = {},
  before?: CompiledOptions,
  webhook: WebhookToTool = withoutWebhooks,
): CompiledOptions {
  return namingAgent(spec.id, () => {
    // Only checked: the parsed value has defaults, which would override the spec.
    parse(resolvedSchema, resolved, 'resolved option')
    const { hostTools, ...options } = serverLayer([agentDefaults(fleet), spec, resolved])
    const { logger, telemetry } = fleet.values
    const agent = { id: spec.id, tenant: agentLimits(fleet, spec).tenant }
    return CompiledOptions.from(
      {
        ...options,
        hostTools: callable(hostTools, (tool) => webhook(agent, tool)),
        home: homeOf(fleet, spec.id),
        ...(logger && { logger }),
      },
      before && { secrets: before.secrets, revision: before.revision + 1 },
      { ...agent, metricAttributes: telemetry.metricAttributes },
    )
  })
}

/** Refuses webhooks, for options of which nothing is called. */
const withoutWebhooks: WebhookToTool = ({ id }, { name }) => {
  throw new TypeError(`no caller for the webhook ${name} of the agent ${id}`)
}

/** Returns host tools by name, with a function in the place of each webhook. */
function callable(
  tools: unknown,
  webhook: (tool: ResolvedWebhookTool) => HostTool,
): Record<string, HostTool> | undefined {
  const byName = tools as Readonly<Record<string, HostTool | ResolvedWebhookTool>> | undefined
  if (byName === undefined) return undefined
  const entries = Object.entries(byName).map(
    ([name, tool]) => [name, isHostTool(tool) ? tool : webhook(tool)] as const,
  )
  return Object.fromEntries(entries)
}
