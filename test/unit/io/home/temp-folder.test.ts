import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { emptyTempFolder, tempFolder } from '../../../../src/io/home/temp-folder.ts'
import { tempHome } from '../../../support/home.ts'

describe('emptyTempFolder', () => {
  it('makes a private folder', async () => {
    const home = tempHome()
    await emptyTempFolder(home)
    expect(statSync(tempFolder(home)).mode & 0o777).toBe(0o700)
  })

  it('removes what an earlier server left there, and nothing else', async () => {
    const home = tempHome()
    mkdirSync(join(tempFolder(home), 'folder'), { recursive: true })
    writeFileSync(join(tempFolder(home), '.lib.so'), 'x')
    writeFileSync(join(home, '.cache', 'kept'), 'x')
    await emptyTempFolder(home)
    expect(readdirSync(tempFolder(home))).toEqual([])
    expect(readdirSync(join(home, '.cache'))).toEqual(['kept', 'tmp'])
  })

  it('lets a home that cannot be written be told of by whoever writes next', async () => {
    const home = tempHome()
    writeFileSync(join(home, '.cache'), 'a file')
    await expect(emptyTempFolder(home)).resolves.toBeUndefined()
  })
})
