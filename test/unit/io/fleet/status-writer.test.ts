import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setImmediate as nextRound } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { StatusWriter } from '../../../../src/io/fleet/status-writer.ts'
import { VirtualTime } from '../../../../src/testing/virtual-time.ts'
import { storeClock } from '../../../support/fleet-store.ts'
import { tempHome } from '../../../support/home.ts'

function open(file = join(tempHome(), 'status.json')) {
  const clock = new VirtualTime()
  const failures: string[] = []
  const writer = new StatusWriter(file, storeClock(clock), (message) => failures.push(message))
  const read = (): unknown => (JSON.parse(readFileSync(file, 'utf8')) as { n: unknown }).n
  /** Waits until the file shows a status. */
  const shows = (n: number) => vi.waitFor(() => expect(read()).toBe(n), { interval: 1, timeout: 15_000 })
  return { clock, failures, writer, read, shows, file }
}

/** Waits for real writes of the file, without time of the clock. */
const settle = async (): Promise<void> => {
  for (let round = 0; round < 50; round++) await nextRound()
}

describe('StatusWriter', () => {
  it('writes the first status at once, with its format and mode 0600', async () => {
    const { writer, shows, file, clock } = open()
    writer.write({ n: 1 })
    await shows(1)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ format: 1, n: 1 })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    await settle()
    expect(clock.pending).toBe(0)
  })

  it('writes at most once a second, and then the last status', async () => {
    const { writer, shows, read, clock } = open()
    writer.write({ n: 1 })
    await shows(1)
    for (let n = 2; n <= 50; n++) writer.write({ n })
    await clock.advance(999, settle)
    expect(read()).toBe(1)
    await clock.advance(1, settle)
    await shows(50)
    await settle()
    expect(clock.pending).toBe(0)
  })

  it('never has two writes at the same time', async () => {
    const { writer, shows, file, clock } = open()
    let most = 0
    for (let n = 1; n <= 40; n++) {
      writer.write({ n, filler: 'x'.repeat(200_000) })
      clock.increment(1_000)
      await nextRound()
      const drafts = readdirSync(dirname(file)).filter((name) => name.startsWith('status.json.'))
      most = Math.max(most, drafts.length)
    }
    await clock.advance(1_000, settle)
    await shows(40)
    expect(most).toBeLessThanOrEqual(1)
  })

  it('close writes the last status without waiting, and takes no further one', async () => {
    const { writer, read, clock } = open()
    writer.write({ n: 1 })
    writer.write({ n: 2 })
    await writer.close()
    expect(read()).toBe(2)
    writer.write({ n: 3 })
    await writer.close()
    await clock.advance(5_000, settle)
    expect(read()).toBe(2)
    expect(clock.pending).toBe(0)
  })

  it('reports the first of consecutive failures, and writes again when the file system allows it', async () => {
    const file = join(tempHome(), 'folder', 'status.json')
    const { writer, failures, shows, clock } = open(file)
    for (const n of [1, 2, 3]) {
      writer.write({ n })
      await clock.advance(1_000, settle)
    }
    await vi.waitFor(() => expect(failures).toHaveLength(1), { timeout: 15_000 })
    expect(failures[0]).toMatch(/^The status of the fleet could not be written: ENOENT/)
    mkdirSync(dirname(file))
    writer.write({ n: 4 })
    await clock.advance(1_000, settle)
    await shows(4)
    rmSync(dirname(file), { recursive: true })
    writer.write({ n: 5 })
    await clock.advance(1_000, settle)
    await vi.waitFor(() => expect(failures).toHaveLength(2), { timeout: 15_000 })
  })
})
