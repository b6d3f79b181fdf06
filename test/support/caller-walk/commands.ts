import fc from 'fast-check'
import { WalkCommand } from '../walk-command.ts'
import { leaseMs } from '../scripted-host.ts'
import type { ScriptedTurn } from '../scripted-agents.ts'
import { agents, type CallerWalk } from './caller-walk.ts'
import type { LiveFate, WalkedCaller } from './walked-caller.ts'
import type { WalkedHandle } from './walked-handle.ts'
import type { WalkedHost } from './walked-hosts.ts'

/** Act of a walk. Returns what it has done; nothing if there was nothing to do. */
type Act = (walk: CallerWalk) => string | undefined | Promise<string | undefined>

class Command extends WalkCommand<CallerWalk, Act> {
  protected override async perform(act: Act, walk: CallerWalk): Promise<void> {
    const isHurried = walk.isHurried
    walk.isHurried = false
    const done = await act(walk)
    if (done !== undefined) walk.note(done)
    if (!isHurried) await walk.clock.advance(0)
    walk.check()
  }
}

const at = <T>(list: readonly T[], n: number): T | undefined => list[n % Math.max(1, list.length)]
const plain = (name: string, act: Act) => fc.constant(new Command(name, act))
const numbers = fc.nat(11)

/** Returns a command on one of the things of a walk. */
const on =
  <T>(listOf: (walk: CallerWalk) => readonly T[], nameOf: (thing: T) => string) =>
  (name: string, act: (thing: T, walk: CallerWalk) => unknown) =>
    numbers.map(
      (n) =>
        new Command(`${name} ${n}`, async (walk) => {
          const thing = at(listOf(walk), n)
          if (thing === undefined) return undefined
          walk.note(`${name}: ${nameOf(thing)}`)
          await act(thing, walk)
          return undefined
        }),
    )

const onCaller = on<WalkedCaller>(
  ({ present }) => present,
  ({ name }) => name,
)
const onHost = on<WalkedHost>(
  ({ hosts }) => hosts.alive,
  ({ host }) => host.id,
)
const onTurn = on<ScriptedTurn>(
  ({ hosts }) => hosts.running,
  ({ input }) => input.turnId ?? '',
)
const onHandle = on<WalkedHandle>(
  ({ handles }) => handles,
  ({ id }) => id,
)
const asked = on<WalkedHandle>(
  ({ handles }) => handles.filter(({ open }) => open.length > 0),
  ({ id, open }) => `${open.join()} of ${id}`,
)

const runsOf = ({ present }: CallerWalk): WalkedCaller[] => present.filter(({ isPaused }) => !isPaused)

/** Inputs of turns, by what is special about them. */
const inputs = {
  plain: {},
  'may run again': { resume: true },
  'in a conversation': { sessionId: 'ses_c' },
  'in a conversation, may run again': { sessionId: 'ses_c', resume: true },
  'within 3 s': { deadlineMs: 3_000 },
  'within 60 s': { deadlineMs: 60_000 },
  'with a policy': { onPermission: () => 'once' as const },
  large: { system: 'x'.repeat(530_000) },
}
const inputName = fc.constantFrom(...(Object.keys(inputs) as (keyof typeof inputs)[]))

const send = fc.tuple(numbers, fc.nat(agents.length - 1), inputName, fc.boolean()).map(
  ([n, m, what, isTwice]) =>
    new Command(`send ${isTwice ? 'twice ' : ''}${n} ${m} ${what}`, (walk) => {
      const callers = runsOf(walk)
      const caller = at(callers, n)
      const agent = agents[m] ?? agents[0]
      if (!caller) return undefined
      const both = isTwice ? [caller, at(callers, n + 1) ?? caller] : [caller]
      const id = walk.send(both, { agent, more: inputs[what] })
      return `${both.map(({ name }) => name).join(' and ')} send ${id} to ${agent.agentId}, ${what}`
    }),
)

/** Sends an earlier turn again, now and then with a policy of this caller, or to another agent. */
const sendAgain = fc
  .tuple(numbers, numbers, fc.constantFrom('', '', 'with a policy', 'to another agent'))
  .map(
    ([n, m, how]) =>
      new Command(`send again ${n} ${m} ${how}`, (walk) => {
        const caller = at(runsOf(walk), n)
        const [turnId, first] = at([...walk.sent], m) ?? []
        if (!caller || turnId === undefined || !first) return undefined
        const isOther = how === 'to another agent'
        // Another tenant has ids of its own.
        const others = agents.filter(({ tenant }) => tenant === first.agent.tenant)
        const agent = (isOther && at(others, others.indexOf(first.agent) + 1)) || first.agent
        // The content of a large turn whose id another agent has stays for a day.
        if (isOther && 'system' in first.more) return undefined
        const more = how === 'with a policy' ? { ...first.more, ...inputs[how] } : first.more
        caller.send(agent, { text: 'Hi', turnId, ...more })
        return `${caller.name} sends ${turnId} again, to ${agent.agentId} ${how}`
      }),
  )

const attach = fc.tuple(numbers, numbers).map(
  ([n, m]) =>
    new Command(`attach ${n} ${m}`, (walk) => {
      const caller = at(runsOf(walk), n)
      const turnId = at([...walk.sent.keys(), 'none'], m) ?? 'none'
      caller?.attach(turnId)
      return caller && `${caller.name} attaches to ${turnId}`
    }),
)

const live = fc
  .constantFrom<LiveFate[]>('arrive', 'are lost', 'come twice', 'come late')
  .chain((fate) => onCaller(`batches ${fate}`, (caller) => (caller.live = fate)))

const callerCommands = [
  onCaller('close', async (caller, walk) => {
    await caller.close()
    if (walk.present.length === 0) await walk.connect()
  }),
  plain('a caller joins', async (walk) => `${(await walk.connect()).name} joins`),
  onCaller('cut caller', (caller) => caller.cut()),
  onCaller('mend caller', (caller) => caller.mend()),
  onCaller('mend caller', (caller) => caller.mend()),
  onCaller('lose answers of caller', (caller) => (caller.losesAnswers = true)),
  onCaller('answers of caller', (caller) => (caller.losesAnswers = false)),
  onCaller('pause caller', (caller) => caller.pause()),
  onCaller('resume caller', (caller) => caller.resume()),
  onCaller('resume caller', (caller) => caller.resume()),
  live,
]

const handleCommands = [
  onHandle('cancel', (handle, { clock }) => handle.cancel(clock.now())),
  onHandle('cancel', (handle, { clock }) => handle.cancel(clock.now())),
  asked('answer', (handle) => handle.answer(handle.open[0] ?? '', 'once')),
  asked('all answer', ({ open: [id = ''] }, { handles }) => {
    for (const handle of handles) if (handle.open.includes(id)) handle.answer(id, 'once')
  }),
  asked('answer and cancel', (handle, { clock }) => {
    handle.answer(handle.open[0] ?? '', 'reject')
    handle.cancel(clock.now())
  }),
]

const turnCommands = [
  onTurn('delta', (turn) => turn.delta('x')),
  onTurn('delta', (turn) => turn.delta('y')),
  onTurn('tool', (turn) => turn.tool()),
  onTurn('ask', (turn, walk) => turn.ask(walk.newRequest(), true, { at: 0, expiresAt: 3_600_000 })),
  onTurn('ask', (turn, walk) => turn.ask(walk.newRequest(), true, { at: 0, expiresAt: 3_600_000 })),
  onTurn('finish', (turn) => turn.finish()),
  onTurn('finish', (turn) => turn.finish()),
]

const hostCommands = [
  onHost('kill', (walked, { hosts }) => {
    hosts.kill(walked)
    hosts.start()
  }),
  onHost('kill and start anew', (walked, { hosts }) => {
    hosts.kill(walked)
    hosts.start(walked.host.id)
  }),
  onHost('stop for 3 leases', async (walked, { hosts, clock }) => {
    hosts.pause(walked)
    await clock.advance(leaseMs * 3)
    hosts.resume(walked)
  }),
  onHost('stop', (walked, { hosts }) => hosts.pause(walked)),
  onHost('continue', (walked, { hosts }) => hosts.resume(walked)),
  onHost('cut', ({ host }) => host.link.cut()),
  onHost('mend', ({ host, isPaused }) => {
    if (!isPaused) host.link.mend()
  }),
  onHost('lose answers', ({ host }) => (host.link.losesAnswers = true)),
  onHost('answers', ({ host }) => (host.link.losesAnswers = false)),
  onHost('drain', ({ host }, { hosts }) => {
    host.drain(1_000)
    if (hosts.alive.length === 1) hosts.start()
  }),
  plain('a host joins', ({ hosts }) => {
    if (hosts.alive.length < 4) hosts.start()
    return 'a host joins'
  }),
]

const timeCommands = [1, 10, 50, 200, 1_000, leaseMs / 2, leaseMs * 2].map((ms) =>
  plain(`${ms} ms`, async ({ clock }) => {
    await clock.advance(ms)
    return undefined
  }),
)

/** Lets the act after the next one come before anything of the next one has travelled. */
const hurry = plain('hurry', (walk) => {
  walk.isHurried = true
  return undefined
})

/** All commands. */
export const commands = [
  hurry,
  hurry,
  send,
  send,
  send,
  send,
  sendAgain,
  sendAgain,
  attach,
  attach,
  attach,
  ...handleCommands,
  ...handleCommands,
  ...callerCommands,
  ...turnCommands,
  ...turnCommands,
  ...hostCommands,
  ...timeCommands,
  ...timeCommands,
]

/** Limits of the hosts of a walk. */
export const limits = fc.record({
  maxAgents: fc.constantFrom(100, 1, 2),
  maxTurns: fc.constantFrom(100, 1),
  idleMs: fc.constantFrom(600_000, 2_000),
})
