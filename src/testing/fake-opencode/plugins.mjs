/** @import { PluginTool } from './types.ts' */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/**
 * Loads the plugins of the config folder, and resolves with their tools by name.
 *
 * @remarks As in opencode: each `.js` file in `plugin` and `plugins`. Here a plugin cannot import files beside
 * it, because Node takes its text as a module only in this way.
 * @returns {Promise<Map<string, PluginTool>>}
 */
export async function loadPlugins() {
  const config = join(process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'opencode')
  /** @type {Map<string, PluginTool>} */
  const tools = new Map()
  for (const folder of ['plugin', 'plugins'].map((name) => join(config, name)))
    for (const name of existsSync(folder) ? readdirSync(folder) : [])
      if (name.endsWith('.js')) await loadPlugin(join(folder, name), tools)
  return tools
}

/**
 * @param {string} file
 * @param {Map<string, PluginTool>} tools
 */
async function loadPlugin(file, tools) {
  const text = readFileSync(file, 'base64')
  /** @type {unknown} */
  const module = await import(`data:text/javascript;base64,${text}`)
  const exported =
    /** @type {Record<string, (input: object) => Promise<{ tool?: Record<string, PluginTool> }>>} */ (module)
  for (const plugin of Object.values(exported)) {
    const hooks = await plugin({ directory: process.cwd() })
    for (const [name, tool] of Object.entries(hooks.tool ?? {})) tools.set(name, tool)
  }
}
