import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { HomeLockedError } from '../../src/index.ts'
import { agentsFolder, fleetFolder } from '../../src/io/fleet/fleet-folder.ts'
import { buildPackage } from '../support/built-cli.ts'
import { openStore, specOf } from '../support/fleet-store.ts'
import { tempHome } from '../support/home.ts'
import { startWriter } from '../support/writer.ts'

let dist: string
beforeAll(async () => {
  dist = await buildPackage()
}, 120_000)

const agents = 25

describe('a fleet whose host is killed in the middle of its changes', () => {
  it('finds each agent as before or as after the last change', { timeout: 120_000 }, async () => {
    const dataDir = tempHome()
    let revision = 0
    let interrupted = 0
    for (let round = 0; round < 12; round++) {
      const { pid, lines, reader, die } = startWriter(dist, 'fleet-writer', dataDir, agents, revision + 1)
      while (lines.length < 3 + (round % 4)) await once(reader, 'line')
      await expect(openStore(dataDir)).rejects.toThrow(`another fleet: process ${pid} on `)
      await expect(openStore(dataDir)).rejects.toThrow(HomeLockedError)
      await die()
      interrupted += readdirSync(agentsFolder(dataDir)).some((name) => !name.endsWith('.json')) ? 1 : 0

      const reported = Number(lines.at(-1))
      const { specs, faults, store } = await openStore(dataDir)
      expect(faults).toEqual([])
      expect(specs).toHaveLength(agents)
      for (const spec of specs)
        expect([specOf(spec.id, reported), specOf(spec.id, reported + 1)]).toContainEqual(spec)
      expect(readdirSync(agentsFolder(dataDir)).every((name) => name.endsWith('.json'))).toBe(true)
      await store.close()
      revision = reported + 1
    }
    // At least one kill came between the first draft and the last rename.
    expect(interrupted).toBeGreaterThan(0)
    expect(readdirSync(fleetFolder(dataDir)).length).toBeLessThan(8)
  })
})
