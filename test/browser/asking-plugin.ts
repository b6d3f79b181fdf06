import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Tools of a plugin of opencode that ask for a permission as its own tools do, which the fake opencode does not play.
 *
 * @remarks Observed in opencode: the patterns and the details of the permissions `bash` and `edit`, and those of a tool of
 * an MCP server, which tell nothing.
 */
const plugin = `
const tool = (ask) => ({
  description: '',
  args: {},
  execute: async (args, context) => {
    await context.ask(ask(args))
    return 'done'
  },
})
export const Asking = async () => ({
  tool: {
    bash: tool(({ command }) => ({
      permission: 'bash', patterns: command.split(' && '), always: ['*'], metadata: { command },
    })),
    edit: tool(({ filePath, patchText }) => ({
      permission: 'edit', patterns: [filePath], always: ['*'], metadata: { filepath: filePath, diff: patchText },
    })),
    crm_delete: tool(() => ({ permission: 'crm_delete', patterns: ['*'], always: ['*'], metadata: {} })),
  },
})
`

/** Gives agents the tools \`bash\`, \`edit\` and \`crm_delete\`, which ask for a permission and do nothing. */
export function writeAskingPlugin(dataDir: string, agents: readonly string[]): void {
  for (const agent of agents) {
    const folder = join(dataDir, agent, '.config', 'opencode', 'plugin')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'asking.js'), plugin)
  }
}

/** Config of opencode with which every tool asks. */
export const askingConfig = { permission: { bash: 'ask', edit: 'ask', crm_delete: 'ask' } }
