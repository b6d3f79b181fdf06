import { fstatSync } from 'node:fs'
import { isatty } from 'node:tty'
import { getSystemErrorMap } from 'node:util'
import { ignoreErrors } from '../util/ignore-errors.ts'
import { exitCode } from './exit-codes.ts'
import { FileSink } from './file-sink.ts'
import { Output, type Sink } from './output.ts'

/** Standard streams of a command, and the command's end if stdout cannot be written. */
export class Std {
  readonly out: Output
  readonly err: Output
  /** Content of stdout, as the message of a failed write names it. */
  content = 'the output'
  /** True if the process exits when the command has ended, whatever still keeps it. */
  exits = false

  constructor(out: Sink = sinkOf(1), err: Sink = sinkOf(2)) {
    this.out = new Output(out)
    this.err = new Output(err)
  }

  /**
   * Waits until stdout has all data, and reports on stderr why a write failed.
   * Resolves with the given exit code, except for a success that was not written. Does not wait after a
   * signal, because the reader may have stopped reading.
   */
  async finish(code: number): Promise<number> {
    if (code <= 128) await this.out.flush()
    const { failure, hasReaderLeft } = this.out
    if (failure === undefined || hasReaderLeft) return code
    await this.err.write(`error: ${this.content} could not be written to stdout: ${reasonOf(failure)}\n`)
    return code === exitCode.final ? exitCode.notWritten : code
  }
}

/**
 * Returns `no space left on device (ENOSPC)`, or the error's own message if the system has no text for the
 * error.
 */
function reasonOf({ errno, code, message }: NodeJS.ErrnoException): string {
  const [name, words] = getSystemErrorMap().get(errno ?? 0) ?? []
  return words === undefined ? `${message}${code === undefined ? '' : ` (${code})`}` : `${words} (${name})`
}

/** Returns Node's own stream for a pipe, socket or terminal; a {@link FileSink} for a file or device. */
function sinkOf(fd: 1 | 2): Sink {
  const stat = ignoreErrors(() => fstatSync(fd))
  if (stat && !stat.isFIFO() && !stat.isSocket() && !isatty(fd)) return new FileSink(fd)
  return fd === 1 ? process.stdout : process.stderr
}
