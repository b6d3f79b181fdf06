/**
 * Names of opencode's own tools, and of the permissions that the field `tools` of a prompt can deny.
 * @remarks Observed in opencode 1.18.33: the tools that a model is offered, and those that depend on the model, on the
 *   agent or on a variable of the environment. MCP servers and plugins add tools of other names.
 */
export const toolNames: readonly string[] = [
  ...['bash', 'edit', 'glob', 'grep', 'question', 'read', 'skill', 'task', 'todowrite', 'webfetch', 'write'],
  ...['apply_patch', 'batch', 'codesearch', 'list', 'lsp', 'multiedit', 'patch', 'plan_enter', 'plan_exit'],
  ...['todoread', 'websearch', 'doom_loop', 'external_directory'],
]
