import fc from 'fast-check'
import { expect } from 'vitest'
import { StoppedError } from '../../src/errors.ts'
import { reconfigure } from '../../src/api/reconfigure.ts'
import { tested } from '../../src/io/opencode/versions.ts'
import { isTerminal } from '../../src/replies.ts'
import type { Script } from './fake-world.ts'
import { createServer, turnIdsOf } from './machine-harness.ts'
import { WalkCommand } from './walk-command.ts'

const options = {
  maxRestarts: 2,
  unhealthyThreshold: 2,
  healthIntervalMs: 1_000,
  busyGraceMs: 12_000,
  startTimeoutMs: 5_000,
  restartWindowMs: 20_000,
  backoffMaxMs: 1_000,
  idleTimeoutMs: 30_000,
  drainMs: 10_000,
  stopGraceMs: 2_000,
  turnDeadlineMs: 60_000,
  turnStallMs: 20_000,
  maxConcurrentTurns: 2,
  maxQueuedTurns: 2,
  memoryLimitMb: 600,
}

const goodWorld: Partial<Script> = {
  prepare: 'ok',
  spawn: 'listens',
  probe: 'ok',
  version: tested.to,
  residentMb: 100,
  warmUp: 'ok',
  dispose: 'ok',
  stream: 'opens',
  heartbeats: true,
  endsOn: 'SIGTERM',
}

interface Outcome {
  state: 'pending' | 'settled'
}

/** Server to which anything may happen at any moment, with the pending calls of its host. */
export class FreeWalk {
  readonly server
  steps = 0
  readonly #outcomes: Outcome[] = []
  readonly #aborts: AbortController[] = []
  #keys = 0

  constructor(beginning: Partial<Script>) {
    this.server = createServer(options, { ...goodWorld, ...beginning })
  }

  ensure(deadlineMs: number): void {
    const abort = new AbortController()
    this.#aborts.push(abort)
    const outcome = this.server.ensure({ deadlineMs, signal: abort.signal })
    this.#outcomes.push({
      get state() {
        return outcome.state === 'pending' ? 'pending' : 'settled'
      },
    })
  }

  leave(n: number): void {
    at(this.#aborts, n)?.abort(new StoppedError('The caller left'))
  }

  change(): void {
    const outcome: Outcome = { state: 'pending' }
    this.#outcomes.push(outcome)
    reconfigure(this.server.actor, { proxy: { apiKey: `sk-another-key-${++this.#keys}` } }).then(
      () => (outcome.state = 'settled'),
      () => (outcome.state = 'settled'),
    )
  }

  turn(resume: boolean, n: number): void {
    const before = at(this.server.turns, n)
    const sessionId = before && this.server.runtime.turns.get(before.id)?.conversation.sessionId
    this.server.turn({ text: 'hello', resume, ...(n > 3 && sessionId !== undefined && { sessionId }) })
  }

  cancel(n: number): void {
    at(this.server.turns, n)?.cancel()
  }

  answer(n: number): void {
    const { server } = this
    const running = at(server.context().running, n)
    const turn = server.turns.find((turn) => turn.id === running?.turnId)
    // A turn without a known session was not prompted yet.
    if (turn && server.runtime.turns.get(turn.id)?.conversation.sessionId !== undefined)
      void server.answer(turn)
  }

  /** Lets the current process act, if there is one. */
  process(act: 'spawned' | 'listen' | 'exit'): void {
    const [process] = this.server.world.alive
    process?.[act]()
  }

  /** Makes the world good, and asserts that all calls settle and that the server can start again. */
  async settleDown(): Promise<void> {
    const { server } = this
    Object.assign(server.world.script, goodWorld, { leftovers: [] })
    server.send({ type: 'server.stop' })
    await server.advance(60_000)
    expect(['idle', 'failed']).toContain(server.state())
    expect(server.world.alive.size, 'alive after a stop').toBe(0)
    expect(server.turns.filter(({ replies }) => replies.filter(isTerminal).length !== 1)).toEqual([])
    expect(
      this.#outcomes.filter(({ state }) => state === 'pending'),
      'callers that wait',
    ).toEqual([])
    expect(turnIdsOf(server.context())).toEqual({ waiting: [], running: [] })
    expect(server.context().leases).toEqual([])
    expect(Object.keys(server.actor.getSnapshot().children), 'children left').toEqual([
      'home',
      'queue',
      'hooks',
    ])
    server.send({ type: 'server.start' })
    await server.advance(1_000)
    expect(server.state()).toBe('healthy')
    const turn = server.turn()
    await server.advance()
    await server.answer(turn)
    expect(turn.replies.at(-1)).toMatchObject({ kind: 'final', content: 'Hello' })
  }
}

const at = <T>(list: readonly T[], n: number): T | undefined => list[n % Math.max(1, list.length)]

type Act = (walk: FreeWalk) => unknown

/** Only commands of time wait. */
class Command extends WalkCommand<FreeWalk, Act> {
  protected override async perform(act: Act, walk: FreeWalk): Promise<void> {
    walk.steps++
    await act(walk)
    walk.server.check()
  }
}

const plain = (name: string, act: Act) => fc.constant(new Command(name, act))
const nth = (name: string, act: (walk: FreeWalk, n: number) => unknown) =>
  fc.nat(7).map((n) => new Command(`${name} ${n}`, (walk) => act(walk, n)))
const becomes = <K extends keyof Script>(key: K, ...values: Script[K][]) =>
  fc
    .constantFrom(...values)
    .map(
      (value) =>
        new Command(`${key}: ${String(value)}`, ({ server }) =>
          Object.assign(server.world.script, { [key]: value }),
        ),
    )

/** Worlds at the begin of a walk. Some hold the server in a state, so that other commands meet that state. */
export const beginnings: Partial<Script>[] = [
  {},
  { endsOn: 'nothing' },
  { spawn: 'silent' },
  { spawn: 'silent', endsOn: 'nothing' },
  { spawn: 'pending' },
  { probe: 'hangs' },
]

/** All commands. */
export const commands = [
  plain('start', ({ server }) => server.send({ type: 'server.start' })),
  plain('stop', ({ server }) => server.send({ type: 'server.stop' })),
  plain('stop, drained', ({ server }) => server.send({ type: 'server.stop', drainMs: 3_000 })),
  fc.constantFrom(0, 10, 6_000).map((ms) => new Command(`ensure within ${ms}`, (walk) => walk.ensure(ms))),
  nth('caller leaves', (walk, n) => walk.leave(n)),
  plain('reconfigure', (walk) => walk.change()),
  nth('turn', (walk, n) => walk.turn(false, n)),
  nth('turn that may be asked again', (walk, n) => walk.turn(true, n)),
  nth('cancel', (walk, n) => walk.cancel(n)),
  nth('answer', (walk, n) => walk.answer(n)),
  plain('spawned', (walk) => walk.process('spawned')),
  plain('listens', (walk) => walk.process('listen')),
  plain('exits', (walk) => walk.process('exit')),
  plain('loses the stream', ({ server }) => server.world.loseStream()),
  becomes('prepare', 'ok', 'ok', 'hangs', new Error('no binary')),
  becomes('spawn', 'listens', 'listens', 'silent', 'exits', 'cannotStart', 'pending'),
  becomes('probe', 'ok', 'fails', 'hangs'),
  becomes('version', tested.to, tested.to, '0.1.0'),
  becomes('residentMb', 100, 601, undefined),
  becomes('warmUp', 'ok', 'fails', 'hangs'),
  becomes('dispose', 'ok', 'fails', 'hangs'),
  becomes('stream', 'opens', 'pending'),
  becomes('heartbeats', true, false),
  becomes('endsOn', 'SIGTERM', 'secondTerm', 'SIGKILL', 'nothing'),
  fc
    .constantFrom(1, new Error('no /proc'))
    .map(
      (left) =>
        new Command(`left over: ${String(left)}`, ({ server }) => server.world.script.leftovers.push(left)),
    ),
  plain('a moment', () => Promise.resolve()),
  plain('all settles', ({ server }) => server.advance()),
  fc
    .constantFrom(1, 50, 500, 1_000, 5_000, 30_000)
    .map((ms) => new Command(`${ms} ms`, ({ server }) => server.advance(ms))),
]
