import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { finished } from 'node:stream/promises'
import { StringDecoder } from 'node:string_decoder'
import { createStream } from 'rotating-file-stream'
import type { Secrets } from '../../config/secrets.ts'
import { configFolder } from '../opencode/config-file.ts'
import { quietly } from '../../util/quietly.ts'
import { restrict } from '../home/modes.ts'

/** `serve.log`, `serve.log.1` and `serve.log.2`, of this size each. */
const maxSize = '1M'
const keptFiles = 2
const tailLines = 20
/** A line longer than this is written in pieces. */
const maxLine = 16 * 1024

/** Where a server's output goes, and the last lines of it. */
export interface ServeLog {
  /**
   * Takes one of the server's outputs for as long as it lives; each needs its own, since a line, and a secret in it, would
   * be torn by what the other says meanwhile.
   */
  readonly input: () => Transform
  /** The last lines, secrets masked. */
  tail(): string
  /** Resolves when the file is closed, after all inputs have ended: nothing more is written then. */
  readonly closed: Promise<void>
}

/**
 * Opens `serve.log` beside the config, 0600 and bounded. What the server prints is always drained, masked line by
 * line, and written no faster than the disk takes it; a disk that fails loses the log, never the server. `onText` sees
 * its lines as they are, and also one that has no end yet.
 */
export function openServeLog(home: string, secrets: Secrets, onText: (text: string) => void): ServeLog {
  const last: string[] = []
  const take = (line: string): string => {
    const masked = secrets.mask(line)
    last.push(masked.slice(0, 500))
    if (last.length > tailLines) last.shift()
    return `${masked}\n`
  }
  const file = openRotating(configFolder(home))
  const closed = finished(file).catch(() => undefined)
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

function openRotating(folder: string) {
  const path = join(folder, 'serve.log')
  quietly(() => {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    if (existsSync(path)) restrict(path, 0o600)
  })
  return createStream('serve.log', { path: folder, size: maxSize, rotate: keptFiles, mode: 0o600 })
}

/** Splits a byte stream into lines, whatever its chunks, and gives on what `take` makes of each. */
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
        // A piece may end within a secret: as much as may be the beginning of one waits for the next piece.
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
