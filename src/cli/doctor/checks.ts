import { checkBinary } from './binary.ts'
import type { Check } from './context.ts'
import { checkDirectory } from './directory.ts'
import { checkDisk } from './disk.ts'
import { checkModes } from './home-modes.ts'
import { checkHome } from './home.ts'
import { checkNode, checkPlatform, checkProc, checkShell } from './host.ts'
import { checkHttpProxy } from './http-proxy.ts'
import { checkKey } from './key.ts'
import { checkListening } from './listen.ts'
import { checkLock } from './lock.ts'
import { checkOrphan } from './orphan.ts'
import { checkProject } from './project.ts'
import { checkProxy } from './proxy.ts'

/**
 * All checks, in the order in which they are shown. The checks run concurrently, so no check may rely on
 * another. A new check is a {@link Check} in this list and needs nothing else.
 */
export const checks: readonly Check[] = [
  checkPlatform,
  checkNode,
  checkProc,
  checkShell,
  checkBinary,
  checkHome,
  checkModes,
  checkDisk,
  checkLock,
  checkOrphan,
  checkDirectory,
  checkProject,
  checkListening,
  checkKey,
  checkHttpProxy,
  checkProxy,
]
