import { mkdirSync, linkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readLogTail } from '../../../../src/io/process/log-tail.ts'
import { tempHome } from '../../../support/home.ts'

/** Makes a home with a log, and returns the folder of the log. */
function homeWith(files: Record<string, string>): { home: string; folder: string } {
  const home = tempHome()
  const folder = join(home, '.config', 'opencode')
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return { home, folder }
}

describe('readLogTail', () => {
  it('returns the last lines, with the log before if the log is short', async () => {
    const { home } = homeWith({ 'serve.log': 'c\nd\n', 'serve.log.1': 'a\nb\n' })
    expect(await readLogTail(home, 1)).toEqual(['d'])
    expect(await readLogTail(home, 3)).toEqual(['b', 'c', 'd'])
    expect(await readLogTail(home, 10)).toEqual(['a', 'b', 'c', 'd'])
  })

  it('returns a line that has not ended', async () => {
    expect(await readLogTail(homeWith({ 'serve.log': 'a\nb' }).home, 5)).toEqual(['a', 'b'])
  })

  it('returns no lines without a log or a home', async () => {
    expect(await readLogTail(homeWith({}).home, 5)).toEqual([])
    expect(await readLogTail(join(tempHome(), 'missing'), 5)).toEqual([])
  })

  it('follows no link that an agent has made: not of the file, not of its folder, not a second name', async () => {
    const secret = homeWith({ 'serve.log': 'secret\n' })
    const linked = homeWith({})
    symlinkSync(join(secret.folder, 'serve.log'), join(linked.folder, 'serve.log'))
    expect(await readLogTail(linked.home, 5)).toEqual([])
    const named = homeWith({})
    linkSync(join(secret.folder, 'serve.log'), join(named.folder, 'serve.log'))
    expect(await readLogTail(named.home, 5)).toEqual([])
    const led = homeWith({})
    rmSync(join(led.home, '.config'), { recursive: true })
    symlinkSync(join(secret.home, '.config'), join(led.home, '.config'))
    expect(await readLogTail(led.home, 5)).toEqual([])
  })
})
