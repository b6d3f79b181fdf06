import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { randomUUID } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { replaceFile, replaceFileSync } from '../../../../src/io/home/private-file.ts'
import { tempHome } from '../../../support/home.ts'

const modeOf = (path: string): number => statSync(path).mode & 0o777

const inPromise = (file: string, content: string): Promise<void> =>
  new Promise((done) => {
    replaceFileSync(file, content)
    done()
  })

describe.each([
  ['replaceFile', replaceFile],
  ['replaceFileSync', inPromise],
])('%s', (_name, replace) => {
  it('writes a file that only its user can read, also over a file with a wider mode', async () => {
    const file = join(tempHome(), 'file')
    await replace(file, 'one')
    expect([readFileSync(file, 'utf8'), modeOf(file)]).toEqual(['one', 0o600])
    chmodSync(file, 0o666)
    const { ino } = statSync(file)
    await replace(file, 'two')
    expect([readFileSync(file, 'utf8'), modeOf(file)]).toEqual(['two', 0o600])
    expect(statSync(file).ino).not.toBe(ino)
    expect(readdirSync(dirname(file))).toEqual(['file'])
  })

  it('replaces the target of a link, and keeps the link', async () => {
    const home = tempHome()
    const [file, link] = [join(home, 'file'), join(home, 'link')]
    writeFileSync(file, 'one')
    symlinkSync(file, link)
    await replace(link, 'two')
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
    expect([readFileSync(file, 'utf8'), modeOf(file)]).toEqual(['two', 0o600])
  })

  it('leaves nothing behind after a failure', async () => {
    const home = tempHome()
    mkdirSync(join(home, 'taken', 'x'), { recursive: true })
    await expect(replace(join(home, 'taken'), 'x')).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/)
    await expect(replace(join(home, 'no', 'folder'), 'x')).rejects.toThrow('ENOENT')
    expect(readdirSync(home)).toEqual(['taken'])
  })
})

describe('a draft of a process that was killed', () => {
  it('is removed by the next replacement when it is old', async () => {
    const file = join(tempHome(), 'opencode.json')
    const drafts = [`${file}.${randomUUID()}`, `${file}.${randomUUID()}`] as const
    for (const draft of drafts) writeFileSync(draft, 'a secret')
    utimesSync(drafts[0], 0, 0)
    writeFileSync(`${file}.bak`, 'the user’s own')
    await replaceFile(file, 'new')
    expect(readdirSync(dirname(file)).sort()).toEqual(
      [file, drafts[1], `${file}.bak`].map((path) => basename(path)).sort(),
    )
  })
})
