import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { openHomeFolder } from '../home/home-folder.ts'
import { replaceFile } from '../home/private-file.ts'
import { errnoOf } from '../host/host-fault.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'

/** Note on a home: the epoch in which the host has owned the agent last, and the history to which the epoch belongs. */
export interface HomeMark {
  readonly epoch: number
  /** Random id of the home's saves, which another cluster and another tenant do not share. */
  readonly history: string
}

/** Notes of a host on the homes in its data folder. They are outside the homes, so that no agent can change them. */
export class HomeMarks {
  readonly #dataDir: string

  /** @param dataDir - folder of the homes */
  constructor(dataDir: string) {
    this.#dataDir = dataDir
  }

  /**
   * Returns the epoch of a history in which the host has owned an agent last; 0 for none.
   *
   * @throws Error of the file system: a note that cannot be read must not count as none
   */
  read(agentId: string, history: string): number {
    const text = this.#within((folder) => textOf(fileOf(folder, agentId)))
    const mark = Object(ignoreErrors(() => JSON.parse(text) as unknown)) as Partial<HomeMark>
    return typeof mark.epoch === 'number' && mark.history === history ? mark.epoch : 0
  }

  async write(agentId: string, mark: HomeMark): Promise<void> {
    await this.#within((folder) => replaceFile(fileOf(folder, agentId), JSON.stringify(mark)))
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

/** Returns the text of a note; `null`, as JSON, for none. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'null'
    throw error
  }
}
