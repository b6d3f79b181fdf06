import { expect, onTestFinished } from 'vitest'
import { createActor, type InspectionEvent, type SnapshotFrom } from 'xstate'
import { runtimeOf } from '../../src/actors/runtime.ts'
import { ensureRunning, type EnsureRunningOptions } from '../../src/api/ensure-running.ts'
import { lifecycleOf, lifecycleTransitions, type LifecycleState } from '../../src/machines/lifecycle.ts'
import { admissible, isWanted, recentRestarts, type ServerContext } from '../../src/machines/context.ts'
import type { QueuedTurn } from '../../src/machines/turn-queue.ts'
import { serverMachine } from '../../src/api/server-machine.ts'
import { compileOptions, type OpenCodeServerOptions } from '../../src/config/options.ts'
import { isTerminal, type Reply } from '../../src/replies.ts'
import { startTurn, type Turn } from '../../src/api/turn.ts'
import type { TurnInput } from '../../src/api/turn-input.ts'
import { virtualTime } from '../../src/testing/virtual-time.ts'
import { FakeWorld, type Script } from './fake-world.ts'

/** Secrets that must not appear in any printed, inspected or serialised text. */
export const secrets = { apiKey: 'sk-the-proxy-key', password: 'the-server-password' }

/** Returns the options of a server in a fake world. */
export const optionsOf = (overrides: Partial<OpenCodeServerOptions> = {}) =>
  compileOptions({
    home: '/srv/agents/a1',
    proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: secrets.apiKey },
    models: ['gpt-4o'],
    password: secrets.password,
    ...overrides,
  })

/**
 * Starts the real machine in a fake world, on a simulated clock. When the test finishes, asserts that there were never two
 * processes, that every transition was declared, and that the stopped machine leaves no process and no turn without a
 * terminal reply.
 */
export function startServer(overrides: Partial<OpenCodeServerOptions> = {}, script: Partial<Script> = {}) {
  const server = createServer(overrides, script)
  onTestFinished(() => server.finish())
  return server
}

/** Like {@link startServer}, but the caller calls `check` and `finish`. */
export function createServer(overrides: Partial<OpenCodeServerOptions> = {}, script: Partial<Script> = {}) {
  const world = new FakeWorld(script)
  const clock = virtualTime()
  const options = optionsOf(overrides)
  const inspections: InspectionEvent[] = []
  const machine = serverMachine.provide({ actors: world.actors() })
  const actor = createActor(machine, {
    input: options,
    clock,
    inspect: (event) => void inspections.push(event),
  })
  const states: LifecycleState[] = ['idle']
  const turns: (Turn & { replies: Reply[] })[] = []
  const wrong: string[] = []

  const state = (): LifecycleState => lifecycleOf(actor.getSnapshot()).state
  actor.subscribe((snapshot) => {
    const [last = 'idle', next] = [states.at(-1), lifecycleOf(snapshot).state]
    if (next !== last) states.push(next)
    if (next !== last && !isDeclared(last, next)) wrong.push(`not declared: ${states.join(' → ')}`)
    // The home is held in every state except idle and failed.
    if (world.isHomeHeld !== (next !== 'idle' && next !== 'failed'))
      wrong.push(`home ${world.isHomeHeld ? '' : 'not '}held while ${next}`)
    wrong.push(...violations(snapshot, next))
  })
  actor.start()

  /** Asserts the invariants. */
  const check = (): void => {
    expect(wrong).toEqual([])
    expect(actor.getSnapshot().status).toBe('active')
    expect(world.mostAlive, 'processes at once').toBeLessThanOrEqual(1)
    expect(world.did('prepare in a home that is not held')).toEqual([])
    for (const { replies } of turns)
      expect(replies.slice(0, -1).filter(isTerminal), 'replies after the last').toEqual([])
  }

  /** Stops the machine from outside, and asserts that nothing is left. */
  const finish = async (): Promise<void> => {
    expect(wrong).toEqual([])
    expect(world.mostAlive, 'processes at once').toBeLessThanOrEqual(1)
    actor.stop()
    await clock.advance()
    expect(world.alive.size, 'processes left').toBe(0)
    expect(world.isHomeHeld, 'home held').toBe(false)
    for (const { replies } of turns)
      expect(replies.map(isTerminal)).toEqual(replies.map((_, i) => i === replies.length - 1))
    expect(turns.filter(({ replies }) => replies.length === 0)).toEqual([])
  }

  return {
    world,
    clock,
    /** Configuration in use. */
    get options() {
      return actor.getSnapshot().context.options
    },
    actor,
    inspections,
    /** States of the lifecycle, in order, without consecutive repeats. */
    states,
    state,
    /** All turns. */
    turns,
    check,
    finish,
    runtime: runtimeOf(actor.getSnapshot().context.runtime),
    /** Returns the number of restarts that the budget counts now. */
    spent: () => recentRestarts(actor.getSnapshot().context, clock.now()).length,
    context: () => actor.getSnapshot().context,
    send: (event: Parameters<typeof actor.send>[0]) => actor.send(event),
    advance: (ms?: number) => clock.advance(ms),

    /** Starts the server and waits until it is healthy. */
    async beHealthy(): Promise<void> {
      actor.send({ type: 'server.start' })
      await clock.advance()
      expect(state()).toBe('healthy')
    },

    /** Calls `ensureRunning`, and returns its outcome, which changes when the call settles. */
    ensure(given?: EnsureRunningOptions) {
      const outcome: { state: 'pending' | 'healthy' | 'rejected'; error?: unknown } = { state: 'pending' }
      ensureRunning(actor, given).then(
        () => (outcome.state = 'healthy'),
        (error: unknown) => Object.assign(outcome, { state: 'rejected', error }),
      )
      return outcome
    },

    /** Starts a turn, and collects its replies. */
    turn(input: string | TurnInput = 'hello'): Turn & { replies: Reply[] } {
      const turn = startTurn(actor, input)
      const replies: Reply[] = []
      turn.replies$.subscribe((reply) => replies.push(reply))
      const collecting = Object.assign(turn, { replies })
      turns.push(collecting)
      return collecting
    },

    /** Reports a busy session of another client. */
    work: () =>
      world.router?.receive({
        type: 'session.status',
        properties: { sessionID: 'ses_other', status: { type: 'busy' } },
      }),

    /** Answers a running turn; `info` adds fields to the message, such as `tokens` and `cost`. */
    async answer(turn: Turn, text = 'Hello', info: object = {}): Promise<void> {
      const sessionID = (await turn.sessionId) ?? ''
      const promptId = runtimeOf(actor.getSnapshot().context.runtime).turns.get(turn.id)?.messageId ?? ''
      for (const { type, properties } of answerEvents(sessionID, promptId, text, info))
        world.router?.receive({ type, properties })
      world.client.idle(sessionID)
      await clock.advance()
    },
  }
}

/** Returns the ids of waiting or running turns, in order. */
export const idsOf = (turns: Iterable<QueuedTurn>): string[] => [...turns].map(({ turnId }) => turnId)

/** Returns the ids of the turns in a context, in order. */
export const turnIdsOf = ({ running, waiting }: Pick<ServerContext, 'running' | 'waiting'>) => ({
  running: idsOf(running),
  waiting: idsOf(waiting),
})

/** Returns the violations of rules in a snapshot. */
function violations(snapshot: SnapshotFrom<typeof serverMachine>, state: LifecycleState): string[] {
  const { context } = snapshot
  const isOpen = snapshot.matches({ healthy: { service: 'open' } })
  const { waiting, running, leases, pid, options, restartTimes } = context
  const isAtRest = state === 'idle' || state === 'failed'
  const rules: [string, boolean][] = [
    [
      'a turn is listed twice',
      new Set(idsOf([...waiting, ...running])).size === waiting.length + running.length,
    ],
    ['turns run without a healthy server', running.length === 0 || state === 'healthy'],
    ['a turn waits although it could run', !isOpen || admissible(context).length === 0],
    ['a turn or a caller waits without a start', !isAtRest || waiting.length + leases.length === 0],
    ['a wanted server is not started', state !== 'idle' || !isWanted(context)],
    ['an unwanted start continues', isWanted(context) || (state !== 'configuring' && state !== 'probing')],
    ['a pending configuration is not used', !isAtRest || context.pending === undefined],
    ['a pid is set without a process', pid === undefined || !(isAtRest || state === 'configuring')],
    ['more restarts than allowed', restartTimes.length <= options.values.maxRestarts],
  ]
  return rules.filter(([, holds]) => !holds).map(([what]) => `${what}: ${state}`)
}

/** Server under test. */
export type TestServer = ReturnType<typeof startServer>

const isDeclared = (from: LifecycleState, to: LifecycleState): boolean =>
  (lifecycleTransitions[from] as readonly LifecycleState[]).includes(to)

/** Returns the minimal events of an answer, in opencode's form. */
function answerEvents(sessionID: string, parentID: string, text: string, info: object) {
  const answer = {
    id: `msg_answer_${parentID}`,
    role: 'assistant',
    sessionID,
    parentID,
    time: { created: 1 },
  }
  const part = {
    id: `prt_${parentID}`,
    messageID: answer.id,
    sessionID,
    type: 'text',
    text,
    time: { start: 1, end: 2 },
  }
  return [
    { type: 'message.updated', properties: { info: { id: parentID, role: 'user', sessionID } } },
    { type: 'session.status', properties: { sessionID, status: { type: 'busy' } } },
    { type: 'message.updated', properties: { info: answer } },
    { type: 'message.part.updated', properties: { part } },
    {
      type: 'message.updated',
      properties: { info: { ...answer, ...info, finish: 'stop', time: { created: 1, completed: 2 } } },
    },
    { type: 'session.idle', properties: { sessionID } },
  ]
}
