import { execa } from 'execa'
import type { SpawnPlan } from './spawn-plan.ts'

/** Starts the process of a server in its own process group. */
export const startProcess = (plan: SpawnPlan, args: readonly string[], env: Record<string, string>) =>
  execa(plan.binary, args, {
    cwd: plan.directory,
    env,
    extendEnv: false,
    detached: true,
    cleanup: false,
    stdin: 'ignore',
    buffer: false,
    reject: false,
    windowsHide: true,
  })

/** Started process of a server. */
export type StartedProcess = ReturnType<typeof startProcess>
