import { setTimeout as sleep } from 'node:timers/promises'
import type { Observable } from 'rxjs'
import { agentFacts, type AgentFacts } from '../../api/fleet/agent-facts.ts'
import type { Fleet } from '../../api/fleet/fleet.ts'
import { dataDirOf, defaultsOf } from '../../api/fleet/internals.ts'
import type { Turn } from '../../api/turn-handle.ts'
import type { CallerParts, SendTerms } from '../../cluster/client/caller-parts.ts'
import type { AgentKey } from '../../cluster/store/cluster-store.ts'
import type { ErrorReply } from '../../replies.ts'
import { directoryOf } from '../access/turn-rules.ts'
import { died, exceeded, timeLeft } from '../turns/fleet-resume.ts'
import type { LoggedTurn, OpenTurn } from '../turns/turn-log.ts'
import type { JoinedHandle, KeptInput, NamedInput, RequestNews, TurnSource } from '../turns/turn-source.ts'
import { ClusterRequests } from './cluster-requests.ts'
import type { FollowedTurn } from './followed-turn.ts'
import type { FollowedTurns } from './followed-turns.ts'
import { inTime } from './in-time.ts'

/** Time for which a request waits until the inbox has its turn, in ms. The turn is sent on afterwards. */
const sendMs = 5_000
/** Time for which a request waits for the records of a turn, in ms. */
const readMs = 5_000
/** Time in which an agent that the fleet has just declared is known to the cluster, in ms. */
const declareMs = 2_000

/** Runs the turns of a gateway on the hosts of a cluster. They go on without this gateway. */
export class ClusterTurns implements TurnSource {
  readonly outlives = true
  readonly requests: ClusterRequests
  readonly news$: Observable<RequestNews>
  readonly #parts: CallerParts
  readonly #fleet: Fleet
  readonly #followed: FollowedTurns
  readonly #closed: AbortSignal

  constructor(parts: CallerParts, fleet: Fleet, followed: FollowedTurns, closed: AbortSignal) {
    this.#parts = parts
    this.#fleet = fleet
    this.#followed = followed
    this.#closed = closed
    this.news$ = followed.news$
    this.requests = new ClusterRequests(fleet, followed)
  }

  open(): Promise<void> {
    return this.requests.watch(this.#parts.store, this.#closed)
  }

  agent(id: string): AgentFacts | undefined {
    const known = agentFacts(this.#fleet, id)
    const agent = this.#parts.watch.agent(id)
    if (!agent || known?.tenant === agent.tenant) return known
    // Homes have the same paths on all hosts.
    const defaults = defaultsOf(this.#fleet)
    const [first] = defaults.models ?? []
    return {
      id,
      tenant: agent.tenant,
      model: typeof first === 'object' ? first.id : first,
      directory: directoryOf(dataDirOf(this.#fleet), { id }, defaults),
    }
  }

  /** @param fields - fields of the turn that the input cannot name */
  async run(agentId: string, input: NamedInput, fields: SendTerms['fields'] = {}): Promise<Turn> {
    const agent = await this.#agentKey(agentId)
    const { followed, release } = await this.#followed.send(agent, input, fields)
    const { turn } = followed
    void turn.done.then(release)
    await inTime(sendMs, followed.settled)
    return turn
  }

  async isLost(turn: LoggedTurn): Promise<boolean> {
    if (turn.state === 'done') return false
    const { followed, release } = this.#join(turn)
    await inTime(readMs, followed.settled)
    release()
    return followed.lastRecord === 0 && !followed.isOver
  }

  async join(turn: LoggedTurn): Promise<JoinedHandle | undefined> {
    if (turn.state === 'done') return undefined
    const { followed, release } = this.#join(turn)
    await inTime(readMs, followed.settled)
    return { turn: followed.turn, leave: release }
  }

  canResume(): boolean {
    return true
  }

  async resume(open: OpenTurn): Promise<Turn | ErrorReply> {
    const { turn } = open
    const kept = open.resume === null ? undefined : (JSON.parse(open.resume) as KeptInput)
    const { fields, ...input } = kept ?? { text: '' }
    const { leftMs, limitMs } = timeLeft(turn, input)
    const { followed, release } = this.#join(turn, Math.max(leftMs, 1))
    void followed.turn.done.then(release)
    await followed.settled
    if (followed.lastRecord > 0) return followed.turn
    if (kept && leftMs > 0)
      await this.#resend(followed, { ...input, turnId: turn.turnId, deadlineMs: leftMs }, fields)
    else if (leftMs <= 0) return exceeded(open, limitMs)
    else return died(open)
    return followed.turn
  }

  async #resend({ agent }: FollowedTurn, input: NamedInput, fields: SendTerms['fields']): Promise<void> {
    // A turn that cannot be sent ends at its time limit.
    await this.#parts.resend(agent, input, fields).catch(() => undefined)
  }

  #join({ turnId, tenant, agentId }: LoggedTurn, deadlineMs: number | null = null) {
    return this.#followed.join({ tenant, agentId }, turnId, deadlineMs)
  }

  /** Returns the key of an agent, also of one that the fleet of this host has declared a moment ago. */
  async #agentKey(agentId: string): Promise<AgentKey> {
    const { watch } = this.#parts
    const until = performance.now() + declareMs
    for (let agent = watch.agent(agentId); ; agent = watch.agent(agentId)) {
      if (agent) return agent
      if (performance.now() > until)
        return { agentId, tenant: agentFacts(this.#fleet, agentId)?.tenant ?? '' }
      await sleep(declareMs / 40)
    }
  }
}
