// The machine of a fleet with a stand-in for each server and for the store, so that the bench measures only the fleet's
// own decisions. A turn ends when the bench says so.
import { createActor, fromCallback } from 'xstate'
import { compileFleetOptions, fleetMachine } from '../../build/index.js'

/**
 * Reports of a server to its fleet, and commands of the fleet to a server.
 * @typedef {{ type: string, agentId?: string, turnId?: string }} Message
 */

export class StandInFleet {
  /** Ids of the running turns, the oldest first, with their agents. @type {Map<string, string>} */
  running = new Map()
  #turns = 0
  #actor

  /** @param {number} agents @param {{ tenants: number, maxServers: number, maxRunningTurns: number }} limits */
  constructor(agents, { tenants, ...limits }) {
    const known = Array.from({ length: agents }, (_, i) => ({
      id: `agent${i}`,
      tenant: `tenant${i % tenants}`,
      maxRunningTurns: 16,
      maxQueuedTurns: 1_000_000,
      memoryMb: 1,
    }))
    const machine = fleetMachine.provide({
      actors: /** @type {any} */ ({
        server: this.#server(),
        store: fromCallback(({ sendBack }) => sendBack({ type: 'store.opened', agents: known })),
      }),
    })
    const input = compileFleetOptions({
      dataDir: '/srv/agents',
      limits: { ...limits, maxStarting: limits.maxServers, maxQueuedTurns: 1_000_000, memoryMb: 1_000_000 },
    })
    this.#actor = createActor(machine, { input }).start()
  }

  /** Returns a stand-in that starts and ends at once when the fleet says so. */
  #server() {
    return fromCallback(({ sendBack, receive, input }) => {
      const agentId = /** @type {{ agentId: string }} */ (input).agentId
      const report = (/** @type {string} */ stage) => sendBack({ type: 'agent.stage', agentId, stage })
      let isAsking = false
      /** @type {Record<string, (message: Message) => void>} */
      const reactions = {
        'turn.accepted': () => {
          if (!isAsking) report('asking')
          isAsking = true
        },
        'start.permitted': () => report('healthy'),
        'turn.permitted': ({ turnId = '' }) => this.running.set(turnId, agentId),
        'server.evict': () => {
          report('ending')
          isAsking = false
          report('idle')
        },
        'server.passivate': () => sendBack({ type: 'agent.passivated', agentId }),
      }
      receive((message) => reactions[message.type]?.(/** @type {Message} */ (message)))
    })
  }

  /** Requests a turn of an agent. @param {string} agentId */
  request(agentId) {
    const turnId = `turn${++this.#turns}`
    const send = /** @type {(event: object) => void} */ (this.#actor.send.bind(this.#actor))
    if (this.#actor.getSnapshot().context.agents.get(agentId)?.stage === 'cold')
      send({ type: 'agent.activate', agentId, options: { agentId } })
    const turn = { turnId, conversationId: turnId, priority: 5, isOperation: false }
    send({ type: 'agent.turnRequested', agentId, turn })
  }

  /** Ends the oldest running turn, and requests another turn of its agent. */
  turnOver() {
    const [turnId, agentId] = this.running.entries().next().value ?? []
    if (turnId === undefined || agentId === undefined) throw new Error('no turn runs')
    this.running.delete(turnId)
    this.#actor.send({ type: 'agent.turnsLeft', agentId, turnIds: [turnId] })
    this.request(agentId)
  }

  /** Number of waiting turns. */
  get waiting() {
    return this.#actor.getSnapshot().context.queue.load.queued
  }

  stop() {
    this.#actor.stop()
  }
}
