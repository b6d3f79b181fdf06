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
import { keyOf, type AgentKey, type ClusterStore } from '../store/cluster-store.ts'
import type { HomeRecord } from '../store/records.ts'
import { FencedHomeError, fenceHome, readHomeObject } from './home-register.ts'
import { OwnedHome, type OwnedHomeTerms } from './owned-home.ts'
import { persist } from './persist.ts'

/** Parts of a host that saves and restores homes. */
export interface SavedHomesParts extends Pick<OwnedHomeTerms, 'opencode' | 'warn'> {
  readonly store: ClusterStore
  readonly savesBeforeEnd: boolean
  readonly marks: HomeMarks
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
  /** Restores that run, which the next one of the same agent waits for. */
  readonly #restoring = new Map<string, Promise<void>>()

  constructor(parts: SavedHomesParts) {
    this.savesBeforeEnd = parts.savesBeforeEnd
    this.#parts = parts
  }

  async restore(home: MovedHome, signal: AbortSignal): Promise<void> {
    const key = keyOf(home.agent)
    // An owner that has lost the agent may still be replacing the home.
    const before = this.#restoring.get(key) ?? Promise.resolve()
    const restoring = before.catch(() => undefined).then(() => this.#restore(home, signal))
    this.#restoring.set(key, restoring)
    try {
      await restoring
    } catch (error) {
      if (!signal.aborted) this.#warnOf(home.agent, error)
      throw error
    } finally {
      if (this.#restoring.get(key) === restoring) this.#restoring.delete(key)
    }
  }

  /** Logs why a home could not be restored: what callers are told names no paths of the host. */
  #warnOf({ agentId, tenant }: AgentKey, error: unknown): void {
    const reason = firstLine(messageOf(error))
    this.#parts.warn(`cluster: the home could not be restored: ${reason}`, { agentId, tenant })
  }

  async #restore({ agent, epoch }: MovedHome, signal: AbortSignal): Promise<void> {
    const { store, marks, homeOf, opencode, warn } = this.#parts
    const key = keyOf(agent)
    this.#owned.delete(key)
    this.#left.delete(key)
    const home = homeOf(agent)
    // The owner of a removed agent only ends its turns. Another agent may use the home now, with another tenant.
    if (!home) {
      this.#left.set(key, epoch)
      return
    }
    const known = await persist(() => fenceHome(store, agent, epoch), signal)
    const history = known.record.history ?? ''
    if (isNewer(known.record, marks.read(agent.agentId, history), home))
      await this.#bring(agent, known.record, home, signal)
    signal.throwIfAborted()
    await marks.write(agent.agentId, { epoch, history })
    // The home of an agent that is removed meanwhile is saved with the rights that the agent had.
    let latest = home
    const homeNow = (): AgentHome => (latest = homeOf(agent) ?? latest)
    const terms = { store, agent, epoch, opencode, warn, home: homeNow }
    this.#owned.set(key, new OwnedHome(terms, known))
  }

  /** Saves a home. A home that this host could not restore is never saved: it would replace the good one. */
  async save({ agent, epoch }: MovedHome, signal: AbortSignal): Promise<void> {
    const owned = this.#owned.get(keyOf(agent))
    if (owned?.epoch === epoch) await owned.save(signal)
    else if (this.#left.get(keyOf(agent)) === epoch && this.#parts.homeOf(agent))
      throw new FencedHomeError(
        `The agent ${keyOf(agent)} was declared again: its home must be restored first`,
      )
  }

  async #bring(agent: AgentKey, record: HomeRecord, home: AgentHome, signal: AbortSignal): Promise<void> {
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
