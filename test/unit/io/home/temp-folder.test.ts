import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { emptyTempFolder, tempFolder } from '../../../../src/io/home/temp-folder.ts'
import { tempHome } from '../../../support/home.ts'

describe('emptyTempFolder', () => {
  it('creates a private folder', async () => {
    const home = tempHome()
    await emptyTempFolder(home)
    expect(statSync(tempFolder(home)).mode & 0o777).toBe(0o700)
  })

  it('removes the files of an earlier server, and nothing else', async () => {
    const home = tempHome()
    mkdirSync(join(tempFolder(home), 'folder'), { recursive: true })
    writeFileSync(join(tempFolder(home), '.lib.so'), 'x')
    writeFileSync(join(home, '.cache', 'kept'), 'x')
    await emptyTempFolder(home)
    expect(readdirSync(tempFolder(home))).toEqual([])
    expect(readdirSync(join(home, '.cache'))).toEqual(['kept', 'tmp'])
  })

  it('never rejects, even if the home cannot be written', async () => {
    const home = tempHome()
    writeFileSync(join(home, '.cache'), 'a file')
    await expect(emptyTempFolder(home)).resolves.toBeUndefined()
  })
})
