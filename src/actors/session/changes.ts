import { changedIn, type WireChange } from '../../io/opencode/session-wire.ts'
import type { OperationPlan } from './operation.ts'
import { plainOperation } from './operations.ts'
import { readSession, type SessionReader } from './read-history.ts'
import { turnsIn } from './stored-turns.ts'

/** Change of a file by a turn or by a session. */
export interface FileChange {
  /** Path of the file, relative to the root of the git repository. */
  path: string
  /** Number of added lines. */
  additions: number
  /** Number of removed lines. */
  deletions: number
  /** Change as a unified diff. Several turns' changes of one file follow one another. */
  patch: string
}

const failure = 'The changes of files could not be read'

/** Reads the changes of files by a turn. */
export const turnChanges = (messageIds: () => readonly string[]): OperationPlan<FileChange[]> => ({
  ...plainOperation,
  failure,
  without: { value: [] },
  async run(reader) {
    // The changes of an unknown session are answered with an error of the server.
    await reader.client.sessions.read(reader, reader.signal)
    return changesOf(reader, messageIds())
  },
})

/** Reads the changes of files by all turns of a session. */
export const sessionChanges = (): OperationPlan<FileChange[]> => ({
  ...plainOperation,
  failure,
  without: { value: [] },
  async run(reader) {
    const { messages } = await readSession(reader)
    const prompts = turnsIn(messages).flatMap(({ entries }) =>
      entries.flatMap((entry) => changedIn(entry) ?? []),
    )
    return changesOf(reader, prompts)
  },
})

async function changesOf(reader: SessionReader, messageIds: readonly string[]): Promise<FileChange[]> {
  const changes: WireChange[] = []
  for (const id of messageIds)
    changes.push(...(await reader.client.sessions.changes(reader, id, reader.signal)))
  return mergedByFile(changes)
}

/** Returns one change per file, in the order of the first changes. */
function mergedByFile(changes: readonly WireChange[]): FileChange[] {
  const files = new Map<string, FileChange>()
  for (const change of changes) {
    const before = files.get(change.path)
    files.set(change.path, before ? added(before, change) : { ...change })
  }
  return [...files.values()]
}

function added(before: FileChange, { path, additions, deletions, patch }: WireChange): FileChange {
  return {
    path,
    additions: before.additions + additions,
    deletions: before.deletions + deletions,
    patch: [before.patch, patch].filter((text) => text !== '').join('\n'),
  }
}
