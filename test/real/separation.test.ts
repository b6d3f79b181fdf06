import { execFileSync } from 'node:child_process'
import { chownSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
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

/** Returns a home of another agent, with a secret in it. */
function neighbourOf(owner: { uid: number; gid: number } | undefined): string {
  const neighbour = tempHome()
  const secret = join(neighbour, 'secret.txt')
  writeFileSync(secret, 'the secret of the neighbour', { mode: 0o600 })
  if (owner) for (const path of [secret, neighbour]) chownSync(path, owner.uid, owner.gid)
  return neighbour
}

/** Runs a turn with four commands on a new server. Returns the server, and what the commands printed. */
async function look(options: Partial<OpenCodeServerOptions>, neighbour: string) {
  const commands = [
    `cat ${neighbour}/secret.txt; echo "read: $?"`,
    'cat "$HOME/.config/opencode/opencode.json" && echo own > note.txt; echo "own: $?"',
    `head -c 1 /proc/${process.pid}/environ; echo "host: $?"`,
    'echo {} > "$HOME/.local/state/opencode-runtime/host.lock.99"; echo "forged: $?"',
  ]
  const { server, home, model, close } = await realServer(
    [{ match: 'look', reply: [...commands.map(bash), { text: 'looked' }] }],
    // The permissions are for cooperation; here the agent is given all of them.
    { onPermission: 'once', ...options },
  )
  onTestFinished(close)
  expect(await server.turn('look').done).toMatchObject({ kind: 'final', content: 'looked' })
  const results = model.requests.at(-1)?.messages.filter(({ role }) => role === 'tool') ?? []
  return { server, home, printed: results.map(({ content }) => JSON.stringify(content)).join('\n') }
}

/** Returns the marker that a process carries. */
const markerOf = (pid: number): string =>
  /OPENCODE_RUNTIME_SPAWN=([^\0]+)/.exec(readFileSync(`/proc/${pid}/environ`, 'utf8'))?.[1] ?? ''

it('an agent that nothing separates can read the home of another agent', async () => {
  const { printed } = await look({}, neighbourOf(undefined))
  expect(printed).toContain('the secret of the neighbour')
  expect(printed).toMatch(/read: 0[^]*own: 0[^]*host: 0[^]*forged: 0/)
})

for (const [name, options, owner, problem] of ways) {
  if (problem !== undefined) warnSkipped(`the test of agents that are separated by ${name}`, problem)

  it.runIf(problem === undefined)(
    `an agent that is separated by ${name} runs its turn, cannot read the home of another agent, and leaves nothing`,
    async () => {
      const { server, home, printed } = await look(options, neighbourOf(owner))
      expect(printed).not.toContain('the secret of the neighbour')
      expect(printed).toMatch(/read: 1[^]*own: 0[^]*host: 1[^]*forged: [12]/)
      expect(printed).toContain(apiKey)
      expect(readFileSync(join(home, 'workspace', 'note.txt'), 'utf8')).toBe('own\n')
      const { pid = 0, baseURL = '' } = server
      expect(await treeResidentMb(pid, markerOf(pid))).toBeGreaterThan(150)
      expect((await findListener(Number(new URL(baseURL).port)))?.program).toContain('opencode')
      await server.stop()
      expect(processesOf(home)).toEqual([])
      expect(execFileSync('ps', ['-A', '-o', 'args=']).toString()).not.toContain(`--bind ${home}`)
    },
  )
}
