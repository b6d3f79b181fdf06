import { spawn, type ChildProcess } from 'node:child_process'
import { dirname, join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { hostProgram } from './host.ts'

/** Process that writes without end until it is killed. */
export interface Writer {
  child: ChildProcess
  /** Lines that the process has printed: reports of what it has written. */
  lines: readonly string[]
  reader: Interface
}

/**
 * Starts a writer of `test/fixtures/hosts` on the built package. The process is killed when the test finishes.
 *
 * @param dist - folder of the built package's entries
 * @param name - name of the program, such as `fleet-writer`
 */
export function startWriter(dist: string, name: string, ...args: readonly (string | number)[]): Writer {
  const given = [hostProgram(name), join(dirname(dist), 'build'), ...args.map(String)]
  const child = spawn(process.execPath, given, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  const reader = createInterface(child.stdout)
  reader.on('line', (line) => lines.push(line))
  return { child, lines, reader }
}
