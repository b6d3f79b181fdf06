/** @import { Turn } from './turn.mjs' */
/** @import { FileDiff, Session, StoredChange } from './types.ts' */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/**
 * Returns the root of the git repository of a directory, or `undefined` outside of git.
 * @param {string} directory
 * @returns {string | undefined}
 */
export function repositoryOf(directory) {
  if (existsSync(join(directory, '.git'))) return directory
  const above = dirname(directory)
  return above === directory ? undefined : repositoryOf(above)
}

/**
 * Returns the content of a file, or `null` if there is no file.
 * @param {string} file
 */
export const contentOf = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : null)

/**
 * @param {string} file
 * @param {string | null} content
 */
function put(file, content) {
  if (content === null) {
    rmSync(file, { force: true })
    return
  }
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
}

/**
 * Writes a file for a turn. Inside git, the change is remembered and shown in the prompt's message.
 * @param {Turn} turn
 * @param {string} file
 * @param {string} after
 */
export function changeFile({ session, messageId, directory }, file, after) {
  const before = contentOf(file)
  put(file, after)
  const root = repositoryOf(directory)
  if (root === undefined || before === after) return
  const changes = (session.changes ??= [])
  changes.push({ messageID: messageId, file, before, after })
  const prompt = session.messages.find(({ info }) => info.id === messageId)
  if (prompt) prompt.info['summary'] = { diffs: diffsOf(changes, messageId, root) }
}

/**
 * Puts the files back to their state before a message, or to the present state if no message is given.
 * @param {Session} session
 * @param {string} [messageID]
 */
export function restoreFiles({ info, messages, changes = [] }, messageID) {
  const from = (/** @type {string | undefined} */ id) => {
    const first = messages.findIndex((message) => message.info.id === id)
    const ids = first < 0 ? [] : messages.slice(first).map((message) => message.info.id)
    return changes.filter((change) => ids.includes(change.messageID))
  }
  for (const { file, after } of from(info.revert?.messageID)) put(file, after)
  for (const { file, before } of from(messageID).toReversed()) put(file, before)
}

/**
 * Returns the changes of a prompt, one per file.
 * @param {readonly StoredChange[]} changes
 * @param {string} messageID
 * @param {string} root
 * @returns {FileDiff[]}
 */
function diffsOf(changes, messageID, root) {
  const own = changes.filter((change) => change.messageID === messageID)
  const files = [...new Set(own.map(({ file }) => file))]
  return files.map((file) => {
    const of = own.filter((change) => change.file === file)
    return diff(relative(root, file), of[0]?.before ?? null, of.at(-1)?.after ?? '')
  })
}

/**
 * Returns the difference of two contents as one hunk, without the lines that both begin and end with.
 * @param {string} file
 * @param {string | null} before
 * @param {string} after
 * @returns {FileDiff}
 */
function diff(file, before, after) {
  const [removed, added] = [linesOf(before ?? ''), linesOf(after)]
  let start = 0
  while (start < removed.length && start < added.length && removed[start] === added[start]) start++
  while (removed.length > start && added.length > start && removed.at(-1) === added.at(-1)) {
    removed.pop()
    added.pop()
  }
  const gone = removed.slice(start)
  const come = added.slice(start)
  const range = (/** @type {string[]} */ lines) => `${lines.length === 0 ? start : start + 1},${lines.length}`
  const hunk = [
    `@@ -${range(gone)} +${range(come)} @@`,
    ...gone.map((l) => `-${l}`),
    ...come.map((l) => `+${l}`),
  ]
  return {
    file,
    patch: `--- a/${file}\n+++ b/${file}\n${hunk.join('\n')}\n`,
    additions: come.length,
    deletions: gone.length,
    status: before === null ? 'added' : 'modified',
  }
}

/** @param {string} text */
const linesOf = (text) => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))
