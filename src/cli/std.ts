import { fstatSync } from 'node:fs'
import { isatty } from 'node:tty'
import { getSystemErrorMap } from 'node:util'
import { quietly } from '../util/quietly.ts'
import { exitCode } from './exit-codes.ts'
import { FileSink } from './file-sink.ts'
import { Output, type Sink } from './output.ts'

/** The standard streams of a command, and the command's end where stdout cannot be written. */
export class Std {
  readonly out: Output
  readonly err: Output
  /** The content of stdout, as the message of a failed write names it. */
  content = 'the output'

  constructor(out: Sink = sinkOf(1), err: Sink = sinkOf(2)) {
    this.out = new Output(out)
    this.err = new Output(err)
  }

  /**
   * Waits until stdout has everything, and says on stderr why it has not. Resolves with the exit code: the given one, but
   * for a success that was not written. After a signal it does not wait: the reader may have stopped reading.
   */
  async finish(code: number): Promise<number> {
    if (code <= 128) await this.out.flush()
    const { failure, hasReaderLeft } = this.out
    if (failure === undefined || hasReaderLeft) return code
    await this.err.write(`error: ${this.content} could not be written to stdout: ${reasonOf(failure)}\n`)
    return code === exitCode.final ? exitCode.notWritten : code
  }
}

/** Returns `no space left on device (ENOSPC)`; the error's own message where the system has no words for the error. */
function reasonOf({ errno, code, message }: NodeJS.ErrnoException): string {
  const [name, words] = getSystemErrorMap().get(errno ?? 0) ?? []
  return words === undefined ? `${message}${code === undefined ? '' : ` (${code})`}` : `${words} (${name})`
}

/** Returns Node's own stream for a pipe, a socket or a terminal, and a {@link FileSink} for a file or a device. */
function sinkOf(fd: 1 | 2): Sink {
  const stat = quietly(() => fstatSync(fd))
  if (stat && !stat.isFIFO() && !stat.isSocket() && !isatty(fd)) return new FileSink(fd)
  return fd === 1 ? process.stdout : process.stderr
}
