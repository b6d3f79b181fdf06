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
import { checkProxy } from './proxy.ts'

/**
 * All checks, in the order in which they are shown. They run side by side, so none may rely on another. A new one, such
 * as whether another host uses the home, is a {@link Check} in this list and nothing else.
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
  checkDirectory,
  checkListening,
  checkKey,
  checkHttpProxy,
  checkProxy,
]
