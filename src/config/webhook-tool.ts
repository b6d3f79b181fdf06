import type { JSONSchemaObject } from './schema-types.ts'

/**
 * Tool of an agent whose function another program runs, in any language: each call is a signed HTTP request. See
 * docs/guides/host-tools-webhooks.md.
 */
export interface WebhookTool {
  /** Name of the tool: 1 to 58 letters, digits, `_` and `-`. The model sees it with the prefix `host_`. */
  name: string
  /** Description for the model: what the tool does, and when to call it. */
  description: string
  /** JSON Schema of the input, which is an object. */
  inputSchema: JSONSchemaObject
  /** URL that gets the calls: http or https, without credentials and without a fragment. Redirects are not followed. */
  url: string
  /**
   * `true` to ask for the permission `host_<name>` before each call; the policy `onPermission` answers.
   *
   * @defaultValue `false`
   */
  ask?: boolean
  /**
   * Time limit of a call, in ms. When the limit passes, the request is aborted and the model is told.
   *
   * @defaultValue `120_000`
   */
  timeoutMs?: number
}

/** Tool of a webhook with every default filled in. */
export type ResolvedWebhookTool = Required<WebhookTool>

/** Returns tools of webhooks by name, with every default filled in. Host tools by name stay as they are. */
export function toolsByName(tools: unknown): unknown {
  if (!Array.isArray(tools)) return tools
  return Object.fromEntries(
    (tools as WebhookTool[]).map((tool) => [tool.name, { ask: false, timeoutMs: 120_000, ...tool }]),
  )
}
