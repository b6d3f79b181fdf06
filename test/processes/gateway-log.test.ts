import { once } from 'node:events'
import { cpSync, existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { beforeAll, describe, expect, it } from 'vitest'
import { openTurnLog } from '../../src/gateway/log/index.ts'
import { isTerminal } from '../../src/replies.ts'
import { buildPackage } from '../support/built-cli.ts'
import { tempHome } from '../support/home.ts'
import { joined } from '../support/replies.ts'
import { final, newTurn, openedLog, readAll, usage } from '../support/turn-log.ts'
import { startWriter } from '../support/writer.ts'

let dist: string
beforeAll(async () => {
  dist = await buildPackage()
}, 120_000)

/** Returns the texts that the readers of a killed host had, by turn, and the turns whose end they had. */
function toldBy(lines: readonly string[]) {
  const texts = new Map<string, string[]>()
  const ended = new Set<string>()
  for (const line of lines) {
    const [, turnId, seq, text] = /^(t\d+) (end|\d+)(?: (.*))?$/.exec(line) ?? []
    if (turnId === undefined) continue
    if (seq === 'end') ended.add(turnId)
    else texts.set(turnId, [...(texts.get(turnId) ?? []), text ?? ''])
  }
  return { texts, ended }
}

const words = (count: number) => Array.from({ length: count }, (_, i) => `${i} `).join('')

describe('a log of turns whose host is killed in the middle of its writes', () => {
  it(
    'has each reply that a reader had, and each turn without an end gets one',
    { timeout: 120_000 },
    async () => {
      const file = join(tempHome(), 'gateway.db')
      for (let round = 0; round < 6; round++) {
        const { lines, reader, die } = startWriter(dist, 'turn-log-writer', file, round * 10_000)
        while (lines.length < 40 + round * 61) await once(reader, 'line')
        const second = openTurnLog({ file })
        await expect(second.ready).rejects.toMatchObject({ fault: 'unavailable' })
        await die()

        const { log } = await openedLog({ file })
        const { texts, ended } = toldBy(lines)
        const left = await log.openTurns()
        expect(left.map(({ turn }) => turn.turnId)).toContain(`t${round * 10_000 + 9_999}`)
        for (const { turn, text, resume } of left) {
          expect(ended).not.toContain(turn.turnId)
          expect(resume).toBe(`input of ${turn.turnId}`)
          expect(text).toBe(words(text.split(' ').length - 1))
          expect(await log.create(newTurn(turn.turnId, { bodyHash: turn.turnId }))).toMatchObject({
            isNew: false,
          })
          log.writer(turn.turnId).push(final('mended'), usage(1))
          await log.writer(turn.turnId).flushed()
        }
        for (const [turnId, told] of texts) {
          const replies = (await readAll(log, turnId)).map(({ reply }) => reply)
          expect(replies.filter(isTerminal)).toEqual(replies.slice(-1))
          const stored = joined(replies)
          expect(stored).toBe(words(stored.split(' ').length - 1))
          expect(stored.startsWith(told.join(''))).toBe(true)
          if (ended.has(turnId)) expect(stored).toBe(words(200))
        }
        const sums = await log.usage('agent', {})
        expect(sums[0]?.turns).toBe(await countTurns(log))
        await log.close()
      }
    },
  )
})

describe('the log of turns without libsql', () => {
  it('tells what to install', async () => {
    const folder = tempHome()
    cpSync(join(dirname(dist), 'build'), join(folder, 'build'), { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{ "name": "opencode-runtime", "type": "module" }')
    const program = `
      const { openTurnLog } = await import('./build/gateway/log/index.js')
      const log = openTurnLog({ file: 'gateway.db' })
      await log.ready.catch(({ fault, message }) => console.log(fault, message))`
    const args = ['--input-type=module', '-e', program]
    const { stdout } = await execa(process.execPath, args, { cwd: folder })
    expect(stdout).toContain('unavailable The gateway keeps its turns with libsql, which could not be loaded')
    expect(stdout).toContain('npm install libsql')
    expect(existsSync(join(folder, 'gateway.db'))).toBe(false)
  })
})

async function countTurns(log: Awaited<ReturnType<typeof openedLog>>['log']): Promise<number> {
  let count = 0
  for (let before: string | undefined | null; before !== null;) {
    const page = await log.list({ limit: 1_000, before })
    count += page.items.length
    before = page.nextBefore
  }
  return count
}
