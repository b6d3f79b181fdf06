import type { File, Parts } from './parts.ts'

/** Earlier message of a conversation. */
export interface EarlierMessage extends Parts {
  role: string
}

/**
 * Returns the prompt of a message with the earlier messages before it, as one text. A message stands between tags, because
 * it may have any lines. Its files are named, because they are sent beside the text.
 */
export function withTranscript(earlier: readonly EarlierMessage[], last: string): string {
  if (earlier.length === 0) return last
  const messages = earlier.map(({ role, text, files }) => {
    const lines = [text, ...files.map(({ filename = '' }) => `[file: ${filename}]`)].filter(
      (line) => line !== '',
    )
    return `<${role}>\n${lines.join('\n')}\n</${role}>`
  })
  return [
    'The earlier messages of this conversation, the oldest first:',
    messages.join('\n'),
    'The new message of the user:',
    last,
  ].join('\n\n')
}

/** Returns files with a name each, by which the transcript tells them apart. */
export const withNames = (files: readonly File[], first: number): File[] =>
  files.map((file, i) => ({
    ...file,
    filename: file.filename ?? `file-${first + i}.${/[\w]+$/.exec(file.mime)?.[0] ?? 'bin'}`,
  }))
