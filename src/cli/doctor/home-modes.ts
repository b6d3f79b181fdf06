import { chmod, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { configFolder } from '../../io/opencode/config-file.ts'
import { isClosed } from '../../io/home/modes.ts'
import { statOf } from '../../io/home/path-status.ts'
import type { Check } from './context.ts'
import { failure, ok, skipped, warning, type Finding } from './finding.ts'

const check = 'modes'

/** Checks that only this user can read the config, which holds the key, and the log. */
export const checkModes: Check = async ({ home, uid, platform }) => {
  if (home === undefined) return [skipped(check, 'give --home')]
  if (platform === 'win32') return [skipped(check, 'Windows has no file modes')]
  const folder = configFolder(home)
  const stats = await statOf(folder)
  if (stats === 'ENOENT') return [ok(check, 'there is no config yet')]
  if (typeof stats === 'string' || !stats.isDirectory()) return [skipped(check, 'fix the home first')]
  const isOpen = await canOthersEnter(folder)
  const findings = await Promise.all(
    [{ path: folder, wanted: 0o700 }, ...(await privateFiles(folder))].map((file) =>
      judge({ ...file, isOpen, uid }),
    ),
  )
  const problems = findings.filter((finding) => finding !== undefined)
  return problems.length > 0 ? problems : [ok(check, `${folder} is 0700, its config and log 0600`)]
}

async function privateFiles(folder: string): Promise<{ path: string; wanted: number }[]> {
  const names = await readdir(folder).catch(() => [])
  return names
    .filter((name) => name === 'opencode.json' || /^serve\.log(\.\d+)?$/.test(name))
    .sort()
    .map((name) => ({ path: join(folder, name), wanted: 0o600 }))
}

/** Returns whether other users than the owner can enter a folder, through it and all folders above it. */
async function canOthersEnter(folder: string): Promise<boolean> {
  const stats = await statOf(folder)
  if (typeof stats === 'string' || (stats.mode & 0o011) === 0) return false
  return dirname(folder) === folder || canOthersEnter(dirname(folder))
}

interface Judged {
  path: string
  wanted: number
  /** True if other users can reach the folder of the path. */
  isOpen: boolean
  uid: number | undefined
}

async function judge({ path, wanted, isOpen, uid }: Judged): Promise<Finding | undefined> {
  const stats = await statOf(path)
  if (typeof stats === 'string')
    return stats === 'ENOENT'
      ? undefined
      : failure(check, `${path} cannot be read (${stats})`, 'Move that file away.')
  if (wanted === 0o600 && !stats.isFile()) return failure(check, `${path} is not a file`, 'Move it away.')
  const mode = stats.mode & 0o777
  // Only the owner and root may set a mode.
  if (uid !== undefined && uid !== 0 && stats.uid !== uid)
    return foreign(path, { mode, wanted, isOpen, owner: stats.uid, uid })
  if (isClosed(mode, wanted)) return undefined
  const found = `${path} is ${octal(mode)}, not ${octal(wanted)}`
  const exposed = isOpen && path.endsWith('.json') ? `${found}${readable}` : undefined
  if (await refusesModes(path, stats.mode))
    return warning(check, `${exposed ?? found}${noModes}`, mountAdvice)
  const advice = `Run chmod ${octal(wanted).slice(1)} ${path}. The next start does the same.`
  if (exposed === undefined) return warning(check, found, advice)
  return failure(check, exposed, `${advice} Then replace the key, because other users may have read it.`)
}

const readable = ': other users can read the key in it'
const noModes = ', and the file system does not support modes'
const mountAdvice =
  'The server starts anyway. Mount the volume for this user only (CIFS: uid=…,file_mode=0600,dir_mode=0700), or give another --home.'

interface Foreign {
  mode: number
  wanted: number
  isOpen: boolean
  owner: number
  uid: number
}

/** Returns the finding about another user's folder or file, whose mode this user cannot set. */
function foreign(path: string, { mode, wanted, isOpen, owner, uid }: Foreign): Finding {
  const belongs = `${path} belongs to user ${owner}`
  const advice = `Change the owner: chown ${uid} ${path}.`
  if ((mode & 0o077) === 0)
    return wanted === 0o700
      ? failure(check, belongs, advice)
      : warning(check, `${belongs}, and this user cannot read it`, advice)
  const exposed = isOpen && path.endsWith('.json') && (mode & 0o044) !== 0 ? readable : ''
  return warning(
    check,
    `${belongs}, so its mode ${octal(mode)} cannot be set to ${octal(wanted)}${exposed}`,
    advice,
  )
}

/** Returns whether a path's mode cannot be set. Sets the present mode again, which changes nothing. */
const refusesModes = (path: string, mode: number): Promise<boolean> =>
  chmod(path, mode & 0o7777).then(
    () => false,
    () => true,
  )

const octal = (mode: number): string => `0${mode.toString(8).padStart(3, '0')}`
