import { createHash } from 'node:crypto'
import type { AgentHome } from '../../api/fleet/internals.ts'
import { resolveBinary } from '../../io/opencode/binary.ts'
import { isOlder } from '../../io/opencode/versions.ts'
import { packHome } from '../../io/opencode/home-archive.ts'
import { firstLine, messageOf } from '../../util/messages.ts'
import type { AgentKey, ClusterStore } from '../store/cluster-store.ts'
import type { HomeRecord } from '../store/records.ts'
import { FencedHomeError, HomeGoneError, homeObject, nameHome, type KnownHome } from './home-register.ts'
import { persist } from './persist.ts'

/** Terms of the home of an agent that this host owns. */
export interface OwnedHomeTerms {
  readonly store: ClusterStore
  readonly agent: AgentKey
  readonly epoch: number
  /** Returns the home as the agent's server uses it now. */
  readonly home: () => AgentHome
  /** Version of opencode on the host. */
  readonly opencode: string
  readonly warn: (message: string, fields: Readonly<Record<string, string>>) => void
}

/** Home of an agent on the host that owns the agent in one epoch. */
export class OwnedHome {
  readonly epoch: number
  readonly #terms: OwnedHomeTerms
  #known: KnownHome
  /** Save that runs, and the one that follows: all that are asked for meanwhile share it. */
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  /** Time in the name of the last object, in epoch ms. */
  #savedAt = 0
  /** Objects that are not named any more, and could not be deleted yet. */
  readonly #garbage = new Set<string>()

  constructor(terms: OwnedHomeTerms, known: KnownHome) {
    this.epoch = terms.epoch
    this.#terms = terms
    this.#known = known
  }

  /**
   * Saves the home as it is after the call. A failure is logged, because a turn must end though its home cannot be saved.
   *
   * @throws FencedHomeError if a later owner has the home, HomeGoneError if it was deleted, or the reason of the signal
   */
  async save(signal: AbortSignal): Promise<void> {
    this.#next ??= this.#saveNext(signal)
    try {
      await this.#next
    } catch (error) {
      if (isOver(error) || signal.aborted) throw error
      // The save was asked for by another caller, whose signal has aborted.
      await this.save(signal)
    }
  }

  async #saveNext(signal: AbortSignal): Promise<void> {
    await this.#running?.catch(() => undefined)
    this.#running = this.#next
    this.#next = undefined
    try {
      await this.#saveNow(signal)
    } catch (error) {
      if (isOver(error) || signal.aborted) throw error
      const { agent, warn } = this.#terms
      const fields = { agentId: agent.agentId, tenant: agent.tenant }
      warn(`cluster: the home could not be saved: ${firstLine(messageOf(error))}`, fields)
    }
  }

  async #saveNow(signal: AbortSignal): Promise<void> {
    const { store, agent, epoch, home: homeNow, opencode } = this.#terms
    const home = homeNow()
    const archive = await packHome(home, await resolveBinary(home.binary))
    if (!archive) return
    const sha256 = createHash('sha256').update(archive).digest('hex')
    const { record: before } = this.#known
    if (sha256 === before.sha256) return
    this.#savedAt = Math.max(Date.now(), this.#savedAt + 1)
    const object = homeObject(agent, epoch, this.#savedAt)
    await persist(() => store.objects.put(object, archive), signal)
    const record: HomeRecord = {
      ...{ epoch, object, sha256, size: archive.length, path: home.path, history: before.history },
      opencode: newest(home.opencode ?? opencode, before.opencode),
      ...(before.wiped !== undefined && { wiped: before.wiped }),
    }
    await this.#name(record, signal)
    // A reader of the old record must find the old object until the record names the new one.
    if (before.object !== null) this.#garbage.add(before.object)
    await this.#deleteGarbage()
  }

  /** Names the object of a record. An object that can never be named is deleted. */
  async #name(record: HomeRecord, signal: AbortSignal): Promise<void> {
    const { store, agent } = this.#terms
    const { revision } = this.#known
    try {
      this.#known = await persist(() => nameHome(store, agent, record, revision), signal)
    } catch (error) {
      const isLeft = error instanceof HomeGoneError || (error instanceof FencedHomeError && !error.isNamed)
      if (isLeft && record.object !== null) await store.objects.delete(record.object).catch(() => undefined)
      throw error
    }
  }

  /** Deletes former objects. An object that stays is tried again after the next save, and by the next owner. */
  async #deleteGarbage(): Promise<void> {
    for (const object of this.#garbage)
      await this.#terms.store.objects.delete(object).then(
        () => this.#garbage.delete(object),
        () => undefined,
      )
  }
}

/** Returns whether an error says that the owner can save nothing in this record any more. */
const isOver = (error: unknown): boolean => error instanceof FencedHomeError || error instanceof HomeGoneError

/** Returns the newer one of two versions. A database that a newer opencode has written stays of that version. */
function newest(now: string, before: string | null): string | null {
  if (now === '') return before
  return before !== null && isOlder(now, before) ? before : now
}
