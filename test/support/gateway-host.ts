import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import type { FakeOpenCode } from '../../src/testing/index.ts'
import { fleetDefaults, processesIn } from './fleet.ts'
import { testToken } from './gateway.ts'
import { hostProgram } from './host.ts'

/** Starts hosts of a gateway in processes of their own, one after another on the same folder. */
export function gatewayHosts(dist: string, fake: FakeOpenCode, dataDir: string) {
  const { token, record } = testToken(['read', 'turn', 'approve', 'admin'])
  const given = {
    fleet: { dataDir, defaults: { ...fleetDefaults, binary: fake.binary } },
    agents: [{ id: 'a1' }, { id: 'a2' }],
    tokens: [record],
  }
  onTestFinished(() => {
    for (const pid of [...processesIn(dataDir), ...processesIn(dataDir, 'watchers')]) end(pid)
  })
  return {
    token,
    /** Starts a host; at the port of an earlier one, so that a page finds it again. */
    async start(port = 0) {
      const args = [hostProgram('gateway'), join(dist, '..', 'build'), JSON.stringify({ ...given, port })]
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      onTestFinished(() => void child.kill('SIGKILL'))
      const ended = once(child, 'exit')
      const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
      const { url } = JSON.parse(line) as { url: string }
      const die = async (): Promise<void> => {
        child.kill('SIGKILL')
        await ended
      }
      return { url, die }
    },
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // The process has ended.
  }
}
