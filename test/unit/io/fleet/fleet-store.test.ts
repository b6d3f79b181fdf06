import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { HomeLockedError, InvalidOptionsError, StoppedError } from '../../../../src/errors.ts'
import { agentsFolder, fleetFolder } from '../../../../src/io/fleet/fleet-folder.ts'
import { fleetHolder } from '../../../../src/io/fleet/fleet-lock.ts'
import { openStore, specOf } from '../../../support/fleet-store.ts'
import { tempHome } from '../../../support/home.ts'

const modeOf = (path: string): number => statSync(path).mode & 0o777
const isRoot = process.getuid?.() === 0

/** Returns the modes of all files and folders below a folder, by path. */
function modesBelow(folder: string, prefix = ''): Record<string, number> {
  const entries = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${prefix}${entry.name}`
    const own = [path, modeOf(join(folder, entry.name))] as const
    return entry.isDirectory()
      ? [own, ...Object.entries(modesBelow(join(folder, entry.name), `${path}/`))]
      : [own]
  })
  return Object.fromEntries(entries)
}

/** Writes a record as an earlier fleet left it. */
function leave(dataDir: string, name: string, content: unknown): string {
  mkdirSync(agentsFolder(dataDir), { recursive: true })
  const file = join(agentsFolder(dataDir), name)
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

describe('openFleetStore', () => {
  it('makes private folders and files outside every home', async () => {
    const dataDir = join(tempHome(), 'agents')
    const { store, specs, faults } = await openStore(dataDir)
    expect([specs, faults]).toEqual([[], []])
    await store.put(specOf('a1'))
    store.writeStatus({ at: 0 })
    await store.close()
    const { store: again } = await openStore(dataDir)
    expect(readdirSync(dataDir)).toEqual(['.fleet'])
    expect(modeOf(fleetFolder(dataDir))).toBe(0o700)
    expect(modesBelow(fleetFolder(dataDir))).toEqual({
      agents: 0o700,
      'agents/a1.json': 0o600,
      'host.lock.2': 0o600,
      lock: 0o600,
      'status.json': 0o600,
    })
    await again.close()
  })

  it('closes folders that others could read', async () => {
    const dataDir = tempHome()
    mkdirSync(agentsFolder(dataDir), { recursive: true, mode: 0o755 })
    chmodSync(fleetFolder(dataDir), 0o755)
    const { store } = await openStore(dataDir)
    expect([modeOf(fleetFolder(dataDir)), modeOf(agentsFolder(dataDir))]).toEqual([0o700, 0o700])
    await store.close()
  })

  it('knows the agents of the fleet before', async () => {
    const dataDir = tempHome()
    const first = await openStore(dataDir)
    const given = ['b', 'a', 'c'].map((id) => specOf(id))
    await expect(first.store.change({ put: given })).resolves.toEqual({ done: ['b', 'a', 'c'] })
    await first.store.put(specOf('b', 1))
    await first.store.remove('c')
    await first.store.remove('never-kept')
    await first.store.close()
    const { specs, faults, store } = await openStore(dataDir)
    expect(specs).toEqual([specOf('a'), specOf('b', 1)])
    expect(specs.every((spec) => Object.isFrozen(spec))).toBe(true)
    expect(faults).toEqual([])
    await store.close()
  })

  it('rejects a second fleet, and names the first and what to do', async () => {
    const dataDir = tempHome()
    const { store } = await openStore(dataDir)
    await store.put(specOf('a'))
    const second = await openStore(dataDir).catch((error: unknown) => error)
    expect(second).toBeInstanceOf(HomeLockedError)
    expect((second as Error).message).toMatch(
      new RegExp(`^The dataDir is in use by another fleet of this process: process ${process.pid} on `),
    )
    expect((second as Error).message).toContain('Stop it, or give this fleet a dataDir of its own.')
    expect(fleetHolder(dataDir)?.pid).toBe(process.pid)
    const note = join(fleetFolder(dataDir), 'lock')
    expect(JSON.parse(readFileSync(note, 'utf8'))).toMatchObject({ pid: process.pid })
    await store.close()
    await store.close()
    expect(fleetHolder(dataDir)).toBeUndefined()
    expect(existsSync(note)).toBe(false)
    await (await openStore(dataDir)).store.close()
  })

  it.each<[string, string, RegExp, object]>([
    [
      'a torn record',
      '{"format": 1, "spec": {"id": "bad", "proxy": {"apiKey": "sk-can',
      /"bad" is damaged/,
      {},
    ],
    ['an empty record', '', /"bad" is damaged/, {}],
    ['a record that is no object', 'null', /"bad" is damaged/, {}],
    ['a record without a format', '{}', /"bad" is damaged: it has no known format/, {}],
    ['a newer format', '{"format": 2}', /the format 2 of a newer version of .*; update the package/, {}],
    [
      'an invalid spec',
      JSON.stringify({ format: 1, spec: { ...specOf('bad'), models: [] } }),
      /agent "bad": invalid option models/,
      { code: 'ERR_OPENCODE_INVALID_OPTIONS' },
    ],
    [
      'a record of another agent',
      JSON.stringify({ format: 1, spec: specOf('other') }),
      /"bad" has the id "other" of another agent/,
      {},
    ],
  ])('reports %s as a fault of its agent, and keeps it', async (_what, content, message, fields) => {
    const dataDir = tempHome()
    leave(dataDir, 'good.json', { format: 1, spec: specOf('good') })
    const file = leave(dataDir, 'bad.json', content)
    const { specs, faults, store } = await openStore(dataDir)
    expect(specs).toEqual([specOf('good')])
    expect(faults).toMatchObject([{ id: 'bad', error: fields }])
    expect(faults[0]?.error.message).toMatch(message)
    expect(faults[0]?.error.message).not.toContain('sk-can')
    expect(readFileSync(file, 'utf8')).toBe(content)
    await store.put(specOf('bad'))
    await store.close()
    const again = await openStore(dataDir)
    expect(again.faults).toEqual([])
    await again.store.close()
  })

  it('reports a record that cannot be read', async () => {
    const dataDir = tempHome()
    mkdirSync(join(agentsFolder(dataDir), 'folder.json'), { recursive: true })
    const { faults, store } = await openStore(dataDir)
    expect(faults).toMatchObject([{ id: 'folder' }])
    expect(faults[0]?.error.message).toMatch(/record of the agent "folder" could not be read: EISDIR/)
    await store.close()
  })

  it('removes drafts that a killed host left, and no other file', async () => {
    const dataDir = tempHome()
    leave(dataDir, 'a.json.0b0c2d4e-1111-4222-8333-123456789abc', 'torn')
    leave(dataDir, 'README.txt', 'mine')
    const { specs, faults, store } = await openStore(dataDir)
    expect([specs, faults]).toEqual([[], []])
    expect(readdirSync(agentsFolder(dataDir))).toEqual(['README.txt'])
    await store.close()
  })

  it.skipIf(isRoot)('names the option dataDir if the folder cannot be written', async () => {
    const dataDir = tempHome()
    chmodSync(dataDir, 0o500)
    await expect(openStore(dataDir)).rejects.toThrow(/Invalid option dataDir: expected a directory that this/)
    chmodSync(dataDir, 0o700)
  })

  it('names the option dataDir if it is a file, and takes no lock', async () => {
    const file = join(tempHome(), 'file')
    writeFileSync(file, '')
    await expect(openStore(file)).rejects.toThrow(InvalidOptionsError)
  })

  it('releases the lock if the records cannot be read', async () => {
    const dataDir = tempHome()
    mkdirSync(fleetFolder(dataDir))
    writeFileSync(agentsFolder(dataDir), 'no folder')
    await expect(openStore(dataDir)).rejects.toThrow(/The records of the fleet could not be read/)
    expect(fleetHolder(dataDir)).toBeUndefined()
  })
})

describe('FleetStore', () => {
  it('runs changes one after another, so that the last change of an agent wins', async () => {
    const dataDir = tempHome()
    const { store } = await openStore(dataDir)
    const puts = Array.from({ length: 20 }, (_, revision) => store.put(specOf('a', revision)))
    const removal = store.remove('a')
    const last = store.put(specOf('a', 99))
    await Promise.all([...puts, removal, last])
    await store.close()
    const { specs, store: again } = await openStore(dataDir)
    expect(specs).toEqual([specOf('a', 99)])
    await again.close()
  })

  it('close waits for the changes before it; a later change is refused', async () => {
    const dataDir = tempHome()
    const { store } = await openStore(dataDir)
    const change = store.put(specOf('a'))
    const closing = store.close()
    await expect(store.put(specOf('b'))).rejects.toThrow(StoppedError)
    await Promise.all([change, closing])
    expect(readdirSync(agentsFolder(dataDir))).toEqual(['a.json'])
  })

  it('changes nothing if one of many records cannot be written', async () => {
    const dataDir = tempHome()
    const { store } = await openStore(dataDir)
    await store.put(specOf('a'))
    // A file name may have 255 bytes on most file systems.
    const specs = [specOf('a', 1), specOf('x'.repeat(300)), specOf('b')]
    const { done, error } = await store.change({ put: specs, remove: ['a'] })
    expect(done).toEqual([])
    expect(error?.message).toMatch(/^The records of the agents could not be written: ENAMETOOLONG/)
    await store.close()
    const again = await openStore(dataDir)
    expect(again.specs).toEqual([specOf('a')])
    expect(readdirSync(agentsFolder(dataDir))).toEqual(['a.json'])
    await again.store.close()
  })
})
