import { spawnSync } from 'node:child_process'
import { execa } from 'execa'
import { expect } from 'vitest'

/** True if `script` of util-linux is installed, which gives a program a terminal. */
export const hasTerminals = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0
if (!hasTerminals) console.warn('Not tested: what a terminal gets. It needs `script` of util-linux.')

/** Text that is typed after the terminal has shown another text. */
export type Typing = readonly [awaited: string, text: string]

/**
 * Runs a shell line in a terminal of 300 columns that cannot move its cursor, and types each text when the text before it
 * has appeared. Resolves with everything that the terminal showed.
 */
export async function runInTerminal(
  line: string,
  typing: readonly Typing[],
  env: Record<string, string>,
): Promise<{ shown: string; exitCode: number | undefined }> {
  const child = execa('script', ['-qec', `stty cols 300; ${line}`, '/dev/null'], {
    reject: false,
    env: { TERM: 'dumb', ...env },
  })
  const left = [...typing]
  let unread = ''
  child.stdout.on('data', (chunk: Buffer) => {
    unread += chunk.toString()
    for (let [next] = left; next && unread.includes(next[0]); [next] = left) {
      unread = unread.slice(unread.indexOf(next[0]) + next[0].length)
      child.stdin.write(next[1])
      left.shift()
    }
  })
  const { stdout, exitCode } = await child
  expect(left).toEqual([])
  return { shown: stdout.replaceAll('\r\n', '\n'), exitCode }
}
