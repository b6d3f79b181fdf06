import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { AgentHome } from '../../api/fleet/internals.ts'
import { OpenCodeRuntimeError } from '../../errors.ts'
import type { HomeMarks } from '../../io/fleet/home-marks.ts'
import { resolveBinary } from '../../io/opencode/binary.ts'
import { askVersion } from '../../io/opencode/binary-version.ts'
import { unpackHome } from '../../io/opencode/home-archive.ts'
import { isOlder } from '../../io/opencode/versions.ts'
import { firstLine, messageOf } from '../../util/messages.ts'
import type { Homes, MovedHome } from '../homes.ts'
import { agentOf, keyOf, type AgentKey, type ClusterStore } from '../store/cluster-store.ts'
import type { HomeRecord } from '../store/records.ts'
import { isRemoved } from '../specs/spec-record.ts'
import { FencedHomeError, fenceHome, HomeGoneError, readHomeObject, type KnownHome } from './home-register.ts'
import type { HomeWipes } from './home-wipes.ts'
import { OwnedHome, type OwnedHomeTerms } from './owned-home.ts'
import { persist } from './persist.ts'

/** Parts of a host that saves and restores homes. */
export interface SavedHomesParts extends Pick<OwnedHomeTerms, 'opencode' | 'warn'> {
  readonly store: ClusterStore
  readonly savesBeforeEnd: boolean
  readonly marks: HomeMarks
  /** Homes that are deleted with their agents. */
  readonly wipes: Pick<HomeWipes, 'retired$' | 'settled' | 'requireDone' | 'exclusively'>
  /** Returns the home of an agent on this host; `undefined` for an agent that the fleet does not have, or no longer. */
  readonly homeOf: (agent: AgentKey) => AgentHome | undefined
}

/** Homes that are saved in the store of the cluster, and restored by the next owner. */
export class SavedHomes implements Homes {
  readonly savesHomes = true
  readonly savesBeforeEnd: boolean
  readonly #parts: SavedHomesParts
  readonly #owned = new Map<string, OwnedHome>()
  /** Epochs of removed agents, whose homes are left as they are. */
  readonly #left = new Map<string, number>()
  /** Epochs of agents whose homes were deleted with their removal. A home after that is saved anew. */
  readonly #retired = new Map<string, number>()
  /** Numbers of retirements so far, by agent id. */
  readonly #retirements = new Map<string, number>()
  /** Restores that run, which the next one of the same agent waits for. */
  readonly #restoring = new Map<string, Promise<unknown>>()

  constructor(parts: SavedHomesParts) {
    this.savesBeforeEnd = parts.savesBeforeEnd
    this.#parts = parts
    parts.wipes.retired$.subscribe((agentId) => this.#retire(agentId))
  }

  async restore(home: MovedHome, signal: AbortSignal): Promise<void> {
    try {
      await this.#inOrder(home, () => this.#restore(home, signal))
    } catch (error) {
      if (!signal.aborted && !(error instanceof FencedHomeError)) this.#warnOf(home.agent, error)
      throw error
    }
  }

  /** Logs why a home could not be restored: what callers are told names no paths of the host. */
  #warnOf({ agentId, tenant }: AgentKey, error: unknown): void {
    const reason = firstLine(messageOf(error))
    this.#parts.warn(`cluster: the home could not be restored: ${reason}`, { agentId, tenant })
  }

  /** Works on the home of an agent. An owner that has lost the agent may still be replacing the home. */
  async #inOrder<T>({ agent }: MovedHome, work: () => Promise<T>): Promise<T> {
    const key = keyOf(agent)
    const before = this.#restoring.get(key) ?? Promise.resolve()
    const restoring = before.catch(() => undefined).then(work)
    this.#restoring.set(key, restoring)
    try {
      return await restoring
    } finally {
      if (this.#restoring.get(key) === restoring) this.#restoring.delete(key)
    }
  }

  #retire(id: string): void {
    this.#retirements.set(id, (this.#retirements.get(id) ?? 0) + 1)
    for (const [key, { epoch }] of this.#owned) {
      if (agentOf(key).agentId !== id) continue
      this.#owned.delete(key)
      this.#retired.set(key, epoch)
    }
  }

  async #restore({ agent, epoch }: MovedHome, signal: AbortSignal): Promise<void> {
    const { marks, homeOf, wipes } = this.#parts
    const key = keyOf(agent)
    for (const map of [this.#owned, this.#left, this.#retired]) map.delete(key)
    await wipes.settled(agent.agentId, signal)
    const home = homeOf(agent)
    // The owner of a removed agent only ends its turns. Another agent may use the home now, with another tenant.
    if (!home) {
      this.#left.set(key, epoch)
      return
    }
    const retirements = this.#retirements.get(agent.agentId)
    const known = await this.#fence({ agent, epoch }, signal)
    const history = known.record.history ?? ''
    if (isNewer(known.record, marks.read(agent.agentId, history), home))
      await wipes.exclusively(agent.agentId, () =>
        this.#bring(agent, known.record, home, {
          signal,
          isOld: () => retirements !== this.#retirements.get(agent.agentId),
        }),
      )
    signal.throwIfAborted()
    await this.#own({ agent, epoch }, known, home)
  }

  /** Fences the home of an agent. A home on this host that the agent must not have any more is deleted first. */
  async #fence({ agent, epoch }: MovedHome, signal: AbortSignal): Promise<KnownHome> {
    const { store, wipes } = this.#parts
    const known = await persist(() => fenceHome(store, agent, epoch), signal)
    if (known.wiped !== undefined) await wipes.requireDone(agent.agentId, known.wiped, signal)
    return known
  }

  async #own({ agent, epoch }: MovedHome, known: KnownHome, home: AgentHome): Promise<void> {
    const { store, marks, homeOf, opencode, warn } = this.#parts
    const retirements = this.#retirements.get(agent.agentId)
    await marks.write(agent.agentId, { epoch, history: known.record.history ?? '' })
    // The home of an agent that is removed meanwhile is saved with the rights that the agent had.
    let latest = home
    const homeNow = (): AgentHome => (latest = homeOf(agent) ?? latest)
    const terms = { store, agent, epoch, opencode, warn, home: homeNow }
    this.#owned.set(keyOf(agent), new OwnedHome(terms, known))
    if (retirements !== this.#retirements.get(agent.agentId)) this.#retire(agent.agentId)
  }

  /** Saves a home. A home that this host could not restore is never saved: it would replace the good one. */
  async save({ agent, epoch }: MovedHome, signal: AbortSignal): Promise<void> {
    const owned = this.#owned.get(keyOf(agent))
    if (owned?.epoch === epoch) await this.#saveOwned(owned, agent, signal)
    else if (this.#retired.get(keyOf(agent)) === epoch) await this.#renew({ agent, epoch }, signal)
    else if (this.#left.get(keyOf(agent)) === epoch && this.#parts.homeOf(agent))
      throw new FencedHomeError(
        `The agent ${keyOf(agent)} was declared again: its home must be restored first`,
      )
  }

  async #saveOwned(owned: OwnedHome, agent: AgentKey, signal: AbortSignal): Promise<void> {
    const { epoch } = owned
    try {
      await owned.save(signal)
    } catch (error) {
      if (!(error instanceof HomeGoneError)) throw error
      if (this.#owned.get(keyOf(agent)) === owned) {
        this.#owned.delete(keyOf(agent))
        this.#retired.set(keyOf(agent), epoch)
      }
      await this.save({ agent, epoch }, signal)
    }
  }

  /** Saves the new home of an agent that was declared again. The deleted home of a removed agent is not saved. */
  async #renew({ agent, epoch }: MovedHome, signal: AbortSignal): Promise<void> {
    const { homeOf, wipes } = this.#parts
    const key = keyOf(agent)
    // The end of a turn must not wait until other turns of a removed agent have ended.
    if (await this.#isGone(agent, signal)) return
    const isOwned = await this.#inOrder({ agent, epoch }, async () => {
      await wipes.settled(agent.agentId, signal)
      const home = homeOf(agent)
      if (!home || (await this.#isGone(agent, signal))) return false
      if (this.#retired.get(key) !== epoch) return true
      await this.#own({ agent, epoch }, await this.#fence({ agent, epoch }, signal), home)
      this.#retired.delete(key)
      return true
    })
    if (isOwned) await this.save({ agent, epoch }, signal)
  }

  /** Returns whether an agent was removed, here or from the cluster. */
  async #isGone(agent: AgentKey, signal: AbortSignal): Promise<boolean> {
    const { store, homeOf } = this.#parts
    const declared = await persist(() => store.agents.get(keyOf(agent)), signal)
    return !homeOf(agent) || isRemoved(declared?.value)
  }

  /** @param terms - the signal, and a function that returns whether the home is deleted now */
  async #bring(
    agent: AgentKey,
    record: HomeRecord,
    home: AgentHome,
    { signal, isOld }: { signal: AbortSignal; isOld: () => boolean },
  ): Promise<void> {
    const { store, marks, opencode } = this.#parts
    const { object, sha256 } = record
    const key = keyOf(agent)
    if (object === null) return
    const version = await versionFor(home, record, opencode)
    if (record.opencode !== null && isOlder(version, record.opencode))
      throw new OpenCodeRuntimeError(
        `The saved home of ${key} was written by opencode ${record.opencode}, and this host has ${version}: update opencode on this host`,
      )
    if (record.path !== null && record.path !== home.path)
      throw new OpenCodeRuntimeError(
        `The saved home of ${key} was at ${record.path}, and is ${home.path} on this host: sessions name absolute paths, so use the same dataDir on every host`,
      )
    const archive = await persist(() => store.objects.get(object), signal)
    if (!archive) throw new OpenCodeRuntimeError(`The saved home ${object} of ${key} is missing in the store`)
    if (createHash('sha256').update(archive).digest('hex') !== sha256)
      throw new OpenCodeRuntimeError(`The saved home ${object} of ${key} is not what was saved`)
    await unpackHome(home, archive, async () => {
      signal.throwIfAborted()
      if (isOld()) throw new OpenCodeRuntimeError(`The agent ${key} was removed with its home`)
      await marks.clear(agent.agentId)
    })
  }
}

/** Returns the version that will read a saved home. An agent may have a binary of its own, newer than the usual one. */
async function versionFor({ binary }: AgentHome, { opencode }: HomeRecord, usual: string): Promise<string> {
  if (opencode === null || !isOlder(usual, opencode)) return usual
  const answer = await askVersion(await resolveBinary(binary))
  return 'version' in answer ? answer.version : usual
}

/**
 * Returns whether the saved home is newer than the one on this host: a later owner than this host has saved it, or the
 * home on this host is gone.
 *
 * @param epoch - Epoch in which this host has owned the agent last; 0 for never.
 */
function isNewer({ object }: HomeRecord, epoch: number, { path }: AgentHome): boolean {
  if (object === null) return false
  return (readHomeObject(object)?.epoch ?? Infinity) > epoch || !existsSync(path)
}
