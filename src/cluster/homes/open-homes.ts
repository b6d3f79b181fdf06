import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import which from 'which'
import { agentHomeOf, dataDirOf, keptSpecs, tenantOf, warnOf } from '../../api/fleet/internals.ts'
import type { Fleet } from '../../api/fleet/fleet.ts'
import { InvalidOptionsError } from '../../errors.ts'
import { HomeMarks } from '../../io/fleet/home-marks.ts'
import { removeStage, stagePrefix } from '../../io/opencode/home-archive.ts'
import { unsavedHomes, type Homes } from '../homes.ts'
import type { JoinOptions } from '../options.ts'
import { SavedHomes, type SavedHomesParts } from './saved-homes.ts'

/**
 * Returns the homes of a host, by its option `homes`.
 *
 * @param parts - store, version of opencode on the host, and homes that are deleted with their agents
 */
export async function openHomes(
  fleet: Fleet,
  { save }: Required<JoinOptions>['homes'],
  parts: Pick<SavedHomesParts, 'store' | 'opencode' | 'wipes'>,
): Promise<Homes> {
  if (save === 'never') return unsavedHomes
  const dataDir = dataDirOf(fleet)
  await removeLeftStages(dataDir)
  return new SavedHomes({
    ...parts,
    savesBeforeEnd: save === 'before-end',
    marks: new HomeMarks(dataDir),
    homeOf: ({ tenant, agentId }) => {
      const spec = keptSpecs(fleet).get(agentId)
      return spec && tenantOf(fleet, spec) === tenant ? agentHomeOf(fleet, agentId) : undefined
    },
    warn: (message, fields) => warnOf(fleet, message, fields),
  })
}

/**
 * Refuses a host that cannot save homes.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the program that packs homes is missing, or is that of
 * BusyBox, which takes the files of one folder only
 */
export async function requireHomes({ save }: Required<JoinOptions>['homes']): Promise<void> {
  if (save === 'never') return
  const tar = process.platform === 'win32' ? null : await which('tar', { nothrow: true })
  if (tar === null || /busybox/i.test(await versionOf(tar)))
    throw new InvalidOptionsError(
      `Option homes.save '${save}' needs a POSIX system with the program tar (of GNU, or bsdtar): install it, or use 'never'`,
    )
}

/** Returns what a program says of itself. */
const versionOf = (program: string): Promise<string> =>
  new Promise((resolve) => {
    execFile(program, ['--version'], { timeout: 5_000 }, (_, stdout, stderr) => resolve(stdout + stderr))
  })

/** Removes the folders in which a killed host has packed or unpacked homes. */
async function removeLeftStages(dataDir: string): Promise<void> {
  const names = await readdir(dataDir).catch(() => [])
  for (const name of names)
    if (name.startsWith(stagePrefix)) await removeStage(join(dataDir, name)).catch(() => undefined)
}
