import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { openHomeFolder } from '../home/home-folder.ts'
import { replaceFile } from '../home/private-file.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'

/**
 * Notes of a host on the homes in its data folder: the epoch in which the host has owned the agent last. They are outside
 * the homes, so that no agent can change them.
 */
export class HomeMarks {
  readonly #dataDir: string

  /** @param dataDir - folder of the homes */
  constructor(dataDir: string) {
    this.#dataDir = dataDir
  }

  /** Returns the epoch in which the host has owned an agent last; 0 for an agent without a note. */
  read(agentId: string): number {
    const text = ignoreErrors(() => this.#within((folder) => readFileSync(fileOf(folder, agentId), 'utf8')))
    const { epoch } = Object(ignoreErrors(() => JSON.parse(text ?? 'null') as unknown)) as { epoch?: unknown }
    return typeof epoch === 'number' ? epoch : 0
  }

  async write(agentId: string, epoch: number): Promise<void> {
    await this.#within((folder) => replaceFile(fileOf(folder, agentId), JSON.stringify({ epoch })))
  }

  /** Removes the note of an agent, before its home is replaced: a home that is replaced in part counts as none. */
  async clear(agentId: string): Promise<void> {
    await this.#within((folder) => rm(fileOf(folder, agentId), { force: true }))
  }

  #within<T>(act: (folder: string) => T): T {
    return act(openHomeFolder(this.#dataDir, ['.fleet', 'homes'], undefined).path)
  }
}

const fileOf = (folder: string, agentId: string): string => `${folder}/${agentId}.json`
