import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { hostProgram } from './host.ts'

/** Process that writes without end until it is killed. */
export interface Writer {
  pid: number
  /** Lines that the process has printed: reports of what it has written. */
  lines: readonly string[]
  reader: Interface
  /** Kills the process. Resolves when it has ended and all of its lines are there. */
  die: () => Promise<void>
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
  const ended = Promise.all([once(child, 'exit'), once(reader, 'close')])
  const die = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  return { pid: child.pid ?? 0, lines, reader, die }
}
