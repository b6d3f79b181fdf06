// Host of a cluster whose agents have no server: the turns are scripted, so that a run measures the cluster alone. Arguments
// and reports are those of test/fixtures/hosts/cluster.mjs; a text such as `deltas:10 every:50` plays a turn.
import { createInterface } from 'node:readline'
import { setImmediate } from 'node:timers'
import { connect } from '@nats-io/transport-node'
import { BehaviorSubject, EMPTY, NEVER, of, ReplaySubject } from 'rxjs'
import { createActor } from 'xstate'
import { HostHandle, HostRuntime } from '../../build/cluster/actors/host-runtime.js'
import { unsavedHomes } from '../../build/cluster/homes.js'
import { hostMachine } from '../../build/cluster/machines/host-machine.js'
import { openNatsStore } from '../../build/cluster/store/nats/nats-store.js'
import { noUsage } from '../../build/replies.js'

const [, options] = process.argv.slice(2)
const { servers, join, places } = JSON.parse(options)
const report = (fact) => process.stdout.write(`${JSON.stringify(fact)}\n`)

/** Turn that emits deltas at a pace, and then its answer. */
class StubTurn {
  replies$ = new ReplaySubject()
  requests$ = NEVER
  openRequests = []
  openRequests$ = new BehaviorSubject([])
  todos$ = EMPTY
  status$ = of({ at: 0, state: 'running' })
  usage = noUsage()
  sessionId = Promise.resolve('ses_1')
  #end = () => {}
  done = new Promise((resolve) => (this.#end = resolve))
  #timer
  #text = ''

  constructor({ text, traceId = null }) {
    this.trace_id = traceId
    const [, deltas = 1] = /deltas:(\d+)/.exec(text) ?? []
    const [, everyMs = 0] = /every:(\d+)/.exec(text) ?? []
    let left = Number(deltas)
    const emit = () => {
      this.#text += 'x '
      this.replies$.next({ kind: 'delta', trace_id: this.trace_id, content: 'x ' })
      if (--left === 0) this.#finish({ kind: 'final', content: this.#text, finish_reason: 'stop' })
    }
    if (Number(everyMs) > 0) this.#timer = setInterval(emit, Number(everyMs))
    else setImmediate(() => Array.from({ length: left }, emit))
  }

  answer() {
    return Promise.resolve()
  }

  cancel() {
    this.#finish({ kind: 'error', code: 'cancelled', error: 'The turn was cancelled', retryable: false })
  }

  #finish(reply) {
    clearInterval(this.#timer)
    const whole = { ...reply, trace_id: this.trace_id, ...(reply.kind === 'final' && { usage: this.usage }) }
    this.replies$.next(whole)
    this.#end(whole)
  }
}

const runner = {
  maxAgents: places.agents,
  maxTurns: places.turns,
  opencode: '',
  added$: NEVER,
  agents: () => [],
  knows: () => true,
  capOf: () => undefined,
  open: () => Promise.resolve(),
  turn: (_agent, input) => new StubTurn(input),
  close: () => Promise.resolve(),
}
const store = await openNatsStore({
  name: join.name,
  connect: () =>
    connect({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 50, ignoreClusterUpdates: true }),
  replicas: join.replicas,
  mayProvision: true,
})
const { hostId, leaseMs } = join
const runtime = new HostHandle(new HostRuntime({ store, runner, homes: unsavedHomes }))
const input = { runtime, hostId, leaseMs, maxAgents: places.agents, idleMs: 600_000, rebalances: false }
const actor = createActor(hostMachine, { input })
let isMember = false
actor.subscribe((snapshot) => {
  const { context } = snapshot
  if (snapshot.matches('member') && !isMember) report({ joined: hostId })
  if (!snapshot.matches('member') && isMember) report({ fenced: Date.now() })
  isMember = snapshot.matches('member')
  if (snapshot.status === 'done') process.exit(0)
  owned = context.placements.size
})
let owned = 0
actor.start()
const commands = {
  status: () => report({ status: { owned } }),
  drain: ({ drainMs }) => actor.send({ type: 'host.drain', drainMs }),
}
createInterface(process.stdin).on('line', (line) => {
  const [name] = line.split(' ', 1)
  commands[name](JSON.parse(line.slice(name.length) || 'null'))
})
