import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { OpenCodeServerOptions } from '../../src/index.ts'
import { treeResidentMb } from '../../src/io/process/memory.ts'
import { findListener } from '../../src/io/process/listener.ts'
import { processesOf, tempHome } from '../support/home.ts'
import { apiKey, realServer } from '../support/real.ts'
import { otherUserProblem, sandboxOfGuide, sandboxProblem, warnSkipped } from '../support/recipe.ts'

const sandbox = await sandboxOfGuide()
/** Wraps each server in the sandbox of its own home. */
const spawn: OpenCodeServerOptions['spawn'] = (argv, env) => sandbox(env['HOME'] ?? '')(argv, env)

const one = { uid: 54_321, gid: 54_321 }
const two = { uid: 54_322, gid: 54_322 }
const noUser = otherUserProblem()

/** Ways to separate two agents: the options of the first agent, the user of the other home, and what prevents the test. */
const ways: [
  string,
  Partial<OpenCodeServerOptions>,
  { uid: number; gid: number } | undefined,
  string | undefined,
][] = [
  ['uid and gid', one, two, noUser],
  ['bubblewrap', { spawn }, undefined, sandboxProblem()],
  ['bubblewrap, uid and gid', { ...one, spawn }, two, noUser ?? sandboxProblem(one)],
]

const bash = (command: string) => ({
  toolCalls: [{ name: 'bash', args: { command, description: 'looks' } }],
})

for (const [name, options, owner, problem] of ways) {
  if (problem !== undefined) warnSkipped(`the test of agents that are separated by ${name}`, problem)

  describe.runIf(problem === undefined)(`an agent that is separated by ${name}`, () => {
    it('runs its turn, cannot read the home of another agent, and leaves nothing when it is stopped', async () => {
      const neighbour = tempHome()
      const secret = join(neighbour, 'secret.txt')
      writeFileSync(secret, 'the secret of the neighbour', { mode: 0o600 })
      chmodSync(neighbour, 0o700)
      if (owner) for (const path of [secret, neighbour]) chownSync(path, owner.uid, owner.gid)
      const commands = [
        `cat ${secret}; ls ${neighbour}; echo "status $?"`,
        'cat "$HOME/.config/opencode/opencode.json"; echo own > note.txt; cat note.txt',
        `cat /proc/${process.pid}/environ | wc -c; sleep 0.1`,
        `echo forged > "$HOME/.local/state/opencode-runtime/host.lock.99"; echo "status $?"`,
      ]
      const { server, home, model, close } = await realServer(
        [{ match: 'look', reply: [...commands.map(bash), { text: 'looked' }] }],
        options,
      )
      onTestFinished(close)
      const done = await server.turn('look').done
      expect(done).toMatchObject({ kind: 'final', content: 'looked' })
      const seen = JSON.stringify(model.requests)
      expect(seen).not.toContain('the secret of the neighbour')
      expect(seen).toMatch(/status [12]/)
      expect(seen).toContain(apiKey)
      expect(readFileSync(join(home, 'workspace', 'note.txt'), 'utf8')).toBe('own\n')
      const { pid = 0 } = server
      const marker = markerOf(pid)
      expect(await treeResidentMb(pid, marker)).toBeGreaterThan(150)
      expect((await findListener(Number(new URL(server.baseURL ?? '').port)))?.program).toContain('opencode')
      await server.stop()
      expect(processesOf(home)).toEqual([])
      expect(execFileSync('ps', ['-A', '-o', 'args=']).toString()).not.toContain(home)
    })
  })
}

/** Returns the marker that a process carries. */
const markerOf = (pid: number): string =>
  /OPENCODE_RUNTIME_SPAWN=([^\0]+)/.exec(readFileSync(`/proc/${pid}/environ`, 'utf8'))?.[1] ?? ''
