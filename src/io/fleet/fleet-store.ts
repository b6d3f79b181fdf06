import { validateSpec } from '../../config/agent-spec.ts'
import type { CompiledFleetOptions } from '../../config/compiled-fleet.ts'
import type { AgentSpec } from '../../config/fleet-options.ts'
import { asRuntimeError, OpenCodeRuntimeError, StoppedError } from '../../errors.ts'
import { asHostFault } from '../host/host-fault.ts'
import type { HomeLock } from '../home/home-lock.ts'
import { openHomeFolder } from '../home/home-folder.ts'
import {
  placeDraft,
  readAgents,
  removeDrafts,
  removeRecord,
  syncFolder,
  writeDrafts,
  type KeptAgents,
} from './agent-files.ts'
import { agentsFolder, fleetFolder, statusFile } from './fleet-folder.ts'
import { lockDataDir } from './fleet-lock.ts'
import { StatusWriter, type StoreClock } from './status-writer.ts'

/** Changes of the kept agents. */
export interface StoreChange {
  /** Valid specs, each of another agent, that are added or replace the kept spec. */
  put?: readonly AgentSpec[]
  /** Ids of agents that are removed. */
  remove?: readonly string[]
}

/** Result of a change: the agents whose records have changed, and the error that stopped the change, if any. */
export interface StoreOutcome {
  done: string[]
  error?: OpenCodeRuntimeError
}

/** Store of a fleet's agents, and of its last status, on the disk. The store has the lock of the data directory. */
export class FleetStore {
  readonly #folder: string
  readonly #lock: HomeLock
  readonly #status: StatusWriter
  /** Promise of the last change; changes run one after another. */
  #last: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | undefined

  /** @internal */
  constructor(folder: string, lock: HomeLock, status: StatusWriter) {
    this.#folder = folder
    this.#lock = lock
    this.#status = status
  }

  /**
   * Changes kept agents, and resolves when the disk has the changes. Never rejects. The records of all agents are
   * first written as drafts, so that a full disk changes nothing. After a crash at any moment each agent is as
   * before or as after the change.
   */
  change(change: StoreChange): Promise<StoreOutcome> {
    if (this.#closing) return Promise.resolve({ done: [], error: new StoppedError('The fleet was closed') })
    const result = this.#last.then(() => this.#change(change))
    this.#last = result
    return result
  }

  /** Keeps the spec of one agent. Rejects with a HostFaultError or another error of the file system. */
  put(spec: AgentSpec): Promise<void> {
    return this.change({ put: [spec] }).then(rejectError)
  }

  /** Removes one agent, as {@link put} keeps one; does nothing if the agent is not kept. */
  remove(id: string): Promise<void> {
    return this.change({ remove: [id] }).then(rejectError)
  }

  /** Takes a status for the command line: an object that does not change. Never throws. */
  writeStatus(status: object): void {
    this.#status.write(status)
  }

  /** Waits for the changes, writes the last status, and releases the lock. Never rejects. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    await this.#last
    await this.#status.close()
    this.#lock.release()
  }

  async #change({ put = [], remove = [] }: StoreChange): Promise<StoreOutcome> {
    const done: string[] = []
    try {
      const drafts = await writeDrafts(this.#folder, put)
      try {
        for (const draft of drafts) {
          await placeDraft(this.#folder, draft)
          done.push(draft.id)
        }
      } finally {
        await removeDrafts(drafts.slice(done.length))
      }
      for (const id of remove) {
        await removeRecord(this.#folder, id)
        done.push(id)
      }
      await syncFolder(this.#folder)
      return { done }
    } catch (error) {
      return { done, error: storeError(error, this.#folder) }
    }
  }
}

const storeError = (error: unknown, folder: string): OpenCodeRuntimeError => {
  const what = 'The records of the agents could not be written'
  return asRuntimeError(asHostFault(error, what, folder), what)
}

function rejectError({ error }: StoreOutcome): void {
  if (error) throw error
}

/** Store of a fleet, with the agents that it kept when it was opened. */
export interface OpenedStore extends KeptAgents {
  store: FleetStore
}

/**
 * Opens the store of a fleet: takes the lock of the data directory, makes the folders with mode 0700, and reads the
 * kept agents.
 *
 * @param warn - gets the message of a status that could not be written
 * @throws HomeLockedError (`ERR_OPENCODE_HOME_LOCKED`) if another fleet has the data directory
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the directory cannot be written
 * @throws HostFaultError (`ERR_OPENCODE_HOST_FAULT`) if the host cannot read or write at the moment
 */
export async function openFleetStore(
  fleet: CompiledFleetOptions,
  clock: StoreClock,
  warn: (message: string) => void = () => undefined,
): Promise<OpenedStore> {
  const { dataDir } = fleet.values
  const lock = lockDataDir(dataDir)
  try {
    const folder = openHomeFolder(agentsFolder(dataDir), [], undefined).path
    for (const path of [fleetFolder(dataDir), dataDir]) await syncFolder(path)
    const kept = await readAgents(folder, (spec) => validateSpec(fleet, spec))
    const status = new StatusWriter(statusFile(dataDir), clock, warn)
    return { ...kept, store: new FleetStore(folder, lock, status) }
  } catch (error) {
    lock.release()
    const what = 'The records of the fleet could not be read'
    throw asRuntimeError(asHostFault(error, what, dataDir), what)
  }
}
