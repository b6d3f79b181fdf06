import { Writable } from 'node:stream'
import type { Sink } from '../../src/cli/output.ts'
import { Std } from '../../src/cli/std.ts'

/** Returns a stream that records its input; as a terminal it is 80 columns wide. */
export function textSink(isTTY = false): Sink & { text: () => string } {
  const chunks: string[] = []
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk.toString())
      done()
    },
  })
  return Object.assign(sink, { isTTY, columns: 80, text: () => chunks.join('') })
}

/** Returns standard streams that record their input. */
export function keptStd() {
  const [out, err] = [textSink(), textSink()]
  return { std: new Std(out, err), stdout: () => out.text(), stderr: () => err.text() }
}

/** Returns the error of a system call. */
export const systemError = (code: string, errno: number): Error =>
  Object.assign(new Error(`${code}: write`), { code, errno, syscall: 'write' })

/** Returns a stream whose writes all fail. */
export const brokenSink = (error: Error): Sink =>
  new Writable({ write: (_chunk, _encoding, done) => done(error) })

const colours = /^\[[\d;]*m/

/** Returns whether a text moves a terminal's cursor or erases text; colours and the terminal's own `\r\n` do not. */
export function movesCursor(text: string): boolean {
  const [plain = '', ...sequences] = text.replaceAll('\r\n', '\n').split('\u001b')
  return plain.includes('\r') || sequences.some((rest) => !colours.test(rest) || rest.includes('\r'))
}
