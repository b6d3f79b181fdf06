import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { configFolder } from '../../../../src/io/opencode/config-file.ts'
import { openServeLog } from '../../../../src/io/process/serve-log.ts'
import { Secrets } from '../../../../src/config/secrets.ts'
import { tempHome } from '../../../support/home.ts'

const megabyte = 1024 * 1024

function open(home: string, secrets = new Secrets()) {
  const lines: string[] = []
  const seen: string[] = []
  const { input: another, ...rest } = openServeLog(home, secrets, (text) => seen.push(text))
  const log = { ...rest, input: another() }
  // The text for the file, line by line: every piece ends a line.
  log.input.on('data', (chunk: Buffer) => lines.push(...chunk.toString().split('\n').slice(0, -1)))
  return { log, another, lines, seen, folder: configFolder(home) }
}

/** Writes all output of a process to a log, and waits until the output was drained. */
async function feed(log: ReturnType<typeof open>['log'], chunks: Iterable<Buffer | string>): Promise<void> {
  Readable.from(chunks, { objectMode: false }).pipe(log.input)
  await finished(log.input)
  await log.closed
}

/** Resolves with the contents of the log's files, oldest first, when the expected amount is on the disk. */
async function written(folder: string, isAll: (text: string) => boolean): Promise<string> {
  const read = () =>
    ['serve.log.2', 'serve.log.1', 'serve.log']
      .map((name) => join(folder, name))
      .map((file) => (existsSync(file) ? readFileSync(file, 'utf8') : ''))
      .join('')
  await expect.poll(() => isAll(read()), { timeout: 5_000, interval: 5 }).toBe(true)
  return read()
}

describe('openServeLog', () => {
  it('passes unmasked text to onText, also an unfinished line', async () => {
    const { log, seen } = open(tempHome(), new Secrets(['hunter2!']))
    await feed(log, ['on hunter2!:40', '96', ' and on\nnext\n'])
    expect(seen).toEqual(['on hunter2!:40', 'on hunter2!:4096', 'on hunter2!:4096 and on', 'next'])
  })

  it('writes the output beside the config, readable only by its user', async () => {
    const { log, folder } = open(tempHome())
    await feed(log, ['one\ntwo\n', 'three without an end'])
    expect(await written(folder, (text) => text.includes('end'))).toBe('one\ntwo\nthree without an end\n')
    expect(statSync(join(folder, 'serve.log')).mode & 0o777).toBe(0o600)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
  })

  it('drains the output without a log if the folder cannot be created', async () => {
    const home = tempHome()
    writeFileSync(join(home, '.config'), '')
    const { log } = open(home)
    await feed(log, ['one\n', 'two\n'.repeat(100_000)])
    expect(log.tail().split('\n').at(-1)).toBe('two')
  })

  it('appends to an older log, and restricts its mode', async () => {
    const home = tempHome()
    const file = join(configFolder(home), 'serve.log')
    mkdirSync(configFolder(home), { recursive: true })
    writeFileSync(file, 'before\n')
    chmodSync(file, 0o644)
    const { log, folder } = open(home)
    await feed(log, ['after\n'])
    expect(await written(folder, (text) => text.includes('after'))).toBe('before\nafter\n')
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it.each([
    ['lines', Buffer.from(`${'x'.repeat(99)}\n`.repeat(640))],
    ['one line without an end', Buffer.alloc(64_000, 'y')],
  ])('keeps no more than three megabytes of a flood of %s, and drains all of it', async (_, chunk) => {
    const { log, folder, lines } = open(tempHome())
    const count = Math.ceil((12 * megabyte) / chunk.length)
    await feed(
      log,
      Array.from({ length: count }, () => chunk),
    )
    expect(lines.join('').length).toBeGreaterThan(11 * megabyte)
    const sizes = readdirSync(folder).map((name) => statSync(join(folder, name)).size)
    expect(sizes.length).toBeLessThanOrEqual(3)
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(3.3 * megabyte)
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600)
  })

  it('masks secrets that chunks split', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 30 }),
        async (sizes) => {
          const { log, lines } = open(tempHome(), new Secrets(['sk-canary-żółw']))
          await feed(
            log,
            cut(Buffer.from('key sk-canary-żółw!\nand sk-canary-żółw again\nsk-canary-żółw'), sizes),
          )
          expect(lines).toEqual(['key ***!', 'and *** again', '***'])
          expect(log.tail()).toBe('key ***!\nand *** again\n***')
        },
      ),
      { numRuns: 25 },
    )
  })

  it('masks a secret at the point where an endless line is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 16_300, max: 16_500 }), async (at) => {
        const { log, lines } = open(tempHome(), new Secrets(['sk-canary-0123456789']))
        const text = `${'x'.repeat(at)}sk-canary-0123456789${'x'.repeat(20_000)}`
        await feed(log, cut(Buffer.from(text), [16_389]))
        expect(lines.length).toBeGreaterThan(1)
        expect(lines.join('')).toBe(text.replace('sk-canary-0123456789', '***'))
      }),
      { numRuns: 25 },
    )
  })

  it('masks the file like the tail', async () => {
    const { log, folder } = open(tempHome(), new Secrets(['sk-canary-key']))
    await feed(log, ['Authorization: sk-can', 'ary-key\n'])
    expect(await written(folder, (text) => text.endsWith('\n'))).toBe('Authorization: ***\n')
  })

  it('keeps the lines of two outputs apart, and masks the secrets in both', async () => {
    const { log, another, folder } = open(tempHome(), new Secrets(['sk-canary-key']))
    const other = another()
    log.input.write('key sk-can')
    other.write('in between\nand sk-')
    log.input.end('ary-key\n')
    await finished(log.input)
    other.end('canary-key')
    await log.closed
    const text = await written(folder, (all) => all.includes('and'))
    expect(text).toBe('in between\nkey ***\nand ***\n')
    expect(log.tail()).toBe('in between\nkey ***\nand ***')
  })

  it('joins characters that chunks split', async () => {
    const { log, lines } = open(tempHome())
    await feed(log, cut(Buffer.from('Zażółć 👩‍👩‍👧‍👦 jaźń\n'), [1]))
    expect(lines).toEqual(['Zażółć 👩‍👩‍👧‍👦 jaźń'])
  })

  it('tail returns the last twenty lines, shortened', async () => {
    const { log } = open(tempHome())
    expect(log.tail()).toBe('')
    await feed(
      log,
      Array.from({ length: 50 }, (_, i) => `line ${i} ${'z'.repeat(1_000)}\n`),
    )
    const tail = log.tail().split('\n')
    expect(tail).toHaveLength(20)
    expect(tail[0]).toMatch(/^line 30 z+$/)
    expect(Math.max(...tail.map((line) => line.length))).toBeLessThanOrEqual(500)
  })

  it('keeps draining if the folder was removed or can no longer be written', async () => {
    const home = tempHome()
    const { log, lines, folder } = open(home)
    log.input.write('first\n')
    await written(folder, (text) => text === 'first\n')
    renameSync(folder, `${folder}.gone`)
    writeFileSync(folder, 'a file in its place')
    const chunk = Buffer.from(`${'x'.repeat(99)}\n`.repeat(640))
    await feed(
      log,
      Array.from({ length: 100 }, () => chunk),
    )
    expect(lines).toHaveLength(64_001)
    expect(log.tail()).toContain('xxx')
    rmSync(folder)
  })

  it('applies the back pressure of the disk, and continues when the disk accepts data', async () => {
    const { log } = open(tempHome())
    const chunk = Buffer.from(`${'x'.repeat(99)}\n`.repeat(640))
    let written = 0
    while (log.input.write(chunk)) written++
    expect(written).toBeLessThan(1_000)
    await once(log.input, 'drain')
    log.input.end()
    await finished(log.input)
  })
})

/** Splits a buffer into pieces of the given sizes, which repeat. */
function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    pieces.push(bytes.subarray(at, at + size))
    at += size
  }
  return pieces
}
