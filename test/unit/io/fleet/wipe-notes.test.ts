import { mkdirSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { WipeNotes } from '../../../../src/io/fleet/wipe-notes.ts'
import { tempHome } from '../../../support/home.ts'

describe('The notes on the removals of an agent', () => {
  it('have all removals that were added at the same moment, also after a restart', async () => {
    const folder = tempHome()
    const notes = new WipeNotes(folder)
    await Promise.all(['1', '2', '3'].map((id) => notes.add('a1', [id])))
    for (const each of [notes, new WipeNotes(folder)]) expect(each.has('a1', ['1', '2', '3'])).toBe(true)
  })

  it('are named if they cannot be read, with what to do', () => {
    const folder = tempHome()
    const file = `${folder}/.fleet/wiped/a1.json`
    mkdirSync(`${folder}/.fleet/wiped`, { recursive: true })
    writeFileSync(file, '{')
    expect(() => new WipeNotes(folder).has('a1', ['1'])).toThrow(`${file} cannot be read: mend or delete it`)
  })

  it('are added after one that could not be', async () => {
    const folder = tempHome()
    const notes = new WipeNotes(folder)
    await notes.add('a1', ['1'])
    writeFileSync(`${folder}/.fleet/wiped/a1.json`, '{')
    const adding = [notes.add('a1', ['2']), notes.add('a2', ['3'])]
    expect((await Promise.allSettled(adding)).map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    expect(new WipeNotes(folder).has('a2', ['3'])).toBe(true)
  })
})
