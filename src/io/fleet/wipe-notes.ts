import { readFileSync } from 'node:fs'
import { OpenCodeRuntimeError } from '../../errors.ts'
import { messageOf } from '../../util/messages.ts'
import { openHomeFolder } from '../home/home-folder.ts'
import { replaceFile } from '../home/private-file.ts'
import { errnoOf } from '../host/host-fault.ts'

/**
 * Notes of a host on the removals after which it has deleted the home of an agent, each by a random id. A home that is
 * begun after that is a new one.
 */
export class WipeNotes {
  readonly #dataDir: string
  readonly #known = new Map<string, ReadonlySet<string>>()
  /** Last change of a note; the changes run one after another, because each one reads what is there. */
  #last: Promise<unknown> = Promise.resolve()

  /** @param dataDir - folder of the homes */
  constructor(dataDir: string) {
    this.#dataDir = dataDir
  }

  /** Returns whether the home of an agent was deleted after each of some removals. @throws Error if a note cannot be read */
  has(agentId: string, ids: readonly string[]): boolean {
    if (ids.length === 0) return true
    const known = this.#known.get(agentId) ?? new Set(this.#read(agentId))
    this.#known.set(agentId, known)
    return ids.every((id) => known.has(id))
  }

  /** Adds removals to the notes on an agent. @throws Error if a note cannot be read or written */
  add(agentId: string, ids: readonly string[]): Promise<void> {
    const added = this.#last.then(() => this.#add(agentId, ids))
    this.#last = added.catch(() => undefined)
    return added
  }

  async #add(agentId: string, ids: readonly string[]): Promise<void> {
    const all = new Set([...this.#read(agentId), ...ids])
    await replaceFile(this.#fileOf(agentId), JSON.stringify([...all]))
    this.#known.set(agentId, all)
  }

  #read(agentId: string): string[] {
    const file = this.#fileOf(agentId)
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as string[]
    } catch (error) {
      // A note that cannot be read must not count as none: the home may be a new one.
      if (errnoOf(error) === 'ENOENT') return []
      throw new OpenCodeRuntimeError(
        `The note ${file} cannot be read: mend or delete it. Without it, the home of the agent on this host is deleted: ${messageOf(error)}`,
        { cause: error },
      )
    }
  }

  #fileOf(agentId: string): string {
    return `${openHomeFolder(this.#dataDir, ['.fleet', 'wiped'], undefined).path}/${agentId}.json`
  }
}
