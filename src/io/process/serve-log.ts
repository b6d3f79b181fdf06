import { existsSync, lstatSync, rmSync } from 'node:fs'
import { devNull } from 'node:os'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { finished } from 'node:stream/promises'
import { StringDecoder } from 'node:string_decoder'
import { createStream } from 'rotating-file-stream'
import type { AgentUser } from '../../config/agent-user.ts'
import type { Secrets } from '../../config/secrets.ts'
import { configFolder, configSegments } from '../opencode/config-file.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import { logFile } from './log-file.ts'
import type { HeldFolder } from '../home/held-folder.ts'
import { openHomeFolder } from '../home/home-folder.ts'
import { restrict } from '../home/modes.ts'
import { openStateFolder } from '../home/state-folder.ts'

/** Size limit of each of `serve.log`, `serve.log.1` and `serve.log.2`. */
const maxSize = '1M'
const keptFiles = 2
const tailLines = 20
/** Length of a line, in characters, above which the line is written in pieces. */
const maxLine = 16 * 1024

/** Log of a server's output, with its last lines. */
export interface ServeLog {
  /**
   * Returns a stream that takes one output of the server until that output ends. Each output needs its own
   * stream: in a shared stream the other output would split a line, and a secret in that line.
   */
  readonly input: () => Transform
  /** Returns the last lines, with secrets masked. */
  tail(): string
  /** Resolves when all inputs have ended and the file is closed. Nothing is written afterwards. */
  readonly closed: Promise<void>
}

/**
 * Opens `serve.log` beside the config, with mode 0600 and bounded size; in a home that the host does not trust, beside
 * the lock. The server's output is always
 * drained, masked line by line, and written no faster than the disk accepts it. If the disk fails, the log is
 * lost and the server keeps running.
 * @param onText - receives each line unmasked, and also a line that has not ended yet
 * @param owner - owner of the home, if the host must not trust its content; see `homeOwnerOf`
 */
export function openServeLog(
  home: string,
  secrets: Secrets,
  onText: (text: string) => void,
  owner?: AgentUser,
): ServeLog {
  const last: string[] = []
  const take = (line: string): string => {
    const masked = secrets.mask(line)
    last.push(masked.slice(0, 500))
    if (last.length > tailLines) last.shift()
    return `${masked}\n`
  }
  const folder = openLogFolder(home, owner)
  const file = openRotating(folder.path, owner !== undefined)
  const closed = finished(file)
    .catch(() => undefined)
    .finally(folder.close)
  const open = new Set<Transform>()
  file.on('error', () => {
    for (const input of open) input.unpipe(file).resume()
  })
  const input = (): Transform => {
    const lines = eachLine(secrets, onText, take)
    open.add(lines)
    lines.pipe(file, { end: false })
    lines.once('end', () => {
      open.delete(lines)
      if (open.size === 0) file.end()
    })
    return lines
  }
  return { input, tail: () => last.join('\n'), closed }
}

/** Opens the folder of the log. If that fails, the stream of the log reports the failure. */
const openLogFolder = (home: string, owner: AgentUser | undefined): HeldFolder =>
  ignoreErrors(() =>
    owner ? openStateFolder(home, owner) : openHomeFolder(home, configSegments, undefined),
  ) ?? { path: owner ? devNull : configFolder(home), close: () => undefined }

function openRotating(folder: string, mayBeForged: boolean) {
  const path = join(folder, logFile)
  ignoreErrors(() => {
    // The log would be written to the target of a link that an agent has put there.
    if (mayBeForged && !isOwnFile(path)) rmSync(path, { force: true })
    if (existsSync(path)) restrict(path, 0o600)
  })
  return createStream(logFile, { path: folder, size: maxSize, rotate: keptFiles, mode: 0o600 })
}

/** Returns whether a path is a file that has no other name. */
function isOwnFile(path: string): boolean {
  const stats = lstatSync(path)
  return stats.isFile() && stats.nlink === 1
}

/**
 * Returns a stream that splits bytes into lines, whatever the chunks, and passes on the result of `take` for
 * each line.
 */
function eachLine(
  secrets: Secrets,
  onText: (text: string) => void,
  take: (line: string) => string,
): Transform {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const lines = (rest + decoder.write(chunk)).split('\n')
      rest = lines.pop() ?? ''
      for (const text of rest === '' ? lines : [...lines, rest]) onText(text)
      if (rest.length > maxLine) {
        // A piece may end inside a secret, so the last characters, as many as the longest secret has, wait
        // for the next piece.
        const masked = secrets.mask(rest)
        const end = Math.max(0, masked.length - secrets.longest)
        lines.push(masked.slice(0, end))
        rest = masked.slice(end)
      }
      done(null, lines.map(take).join(''))
    },
    flush(done) {
      done(null, rest === '' ? '' : take(rest))
    },
  })
}
