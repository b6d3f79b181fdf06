import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { AgentUser } from '../../config/agent-user.ts'
import type { HostTool } from '../../config/host-tool.ts'
import { inHomeFolder } from '../home/home-folder.ts'
import { restrict } from '../home/modes.ts'
import { replaceFile } from '../home/private-file.ts'
import { configFolder, configSegments, unwritable } from './config-file.ts'
import { hostPluginText } from './host-plugin-text.ts'

/** Name of the generated plugin, which registers the host tools. */
export const hostPluginName = 'opencode-runtime-host-tools.js'

/** Returns the path of a home's generated plugin. */
export const hostPluginFile = (home: string): string => join(configFolder(home), folderName, hostPluginName)

const folderName = 'plugin'

/**
 * Writes the plugin that registers the host tools with opencode, or removes it if there are none. The file has
 * mode 0600 in a folder of 0700. It holds no secret, and is left alone if its content is already the same.
 *
 * @param owner - owner of the home, if the host must not trust its content; see `homeOwnerOf`
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the home cannot be written
 * @throws HostFaultError (`ERR_OPENCODE_HOST_FAULT`) if the write fails for the moment
 * @remarks Observed in opencode 1.18.33: the server loads each `.js` and `.ts` file in `plugin` and `plugins`
 *   of its config folder. A plugin there is the user's own, so that no guard of projects concerns it.
 */
export async function writeHostPlugin(
  home: string,
  tools: Readonly<Record<string, HostTool>>,
  owner?: AgentUser,
): Promise<void> {
  try {
    if (Object.keys(tools).length > 0) await write(home, hostPluginText(tools), owner)
    else await rm(hostPluginFile(home), { force: true })
  } catch (error) {
    throw unwritable('home', home, error)
  }
}

const write = (home: string, text: string, owner: AgentUser | undefined): Promise<void> =>
  inHomeFolder(home, [...configSegments, folderName], owner, async (folder) => {
    const file = join(folder, hostPluginName)
    // A file in a home that the host does not trust is always replaced, because its path may be a link.
    const isCurrent = owner === undefined && (await readFile(file, 'utf8').catch(() => undefined)) === text
    if (!isCurrent || !restrict(file, 0o600)) await replaceFile(file, text, { owner })
  })
