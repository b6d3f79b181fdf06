import {
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { fenceHome, forgetHome } from '../../../../src/cluster/homes/home-register.ts'
import { ClusterStoreError } from '../../../../src/cluster/store/cluster-store.ts'
import type { HomeRecord } from '../../../../src/cluster/store/records.ts'
import { removeStage } from '../../../../src/io/opencode/home-archive.ts'
import { deferred } from '../../../../src/util/deferred.ts'
import { movedAgent, MovingHomes } from '../../../support/cluster-homes.ts'

const session = '.local/share/opencode/storage/ses_1.json'
const recordOf = (world: MovingHomes): HomeRecord | undefined => world.memory.homes.entry('acme.a1')?.value
const objectsOf = (world: MovingHomes): string[] => [...world.memory.objects.keys()]

/** World in which host A has saved a home in epoch 1. */
async function savedOnce() {
  const world = new MovingHomes()
  const a = world.host('a')
  await a.restore(1)
  a.write(session, 'one')
  a.write('workspace/src/main.ts', 'first')
  a.write('.npm/cache', 'large')
  await a.save(1)
  return { world, a }
}

describe('A saved home', () => {
  it('has sessions and workspace on the next host, not the caches, and leaves nothing beside the home', async () => {
    const { world } = await savedOnce()
    const b = world.host('b')
    b.write('workspace/old.ts', 'older')
    b.write('.local/share/opencode/tool-output/old', 'older')
    b.write('.local/share/opencode/auth.json', 'kept')
    await b.restore(2)
    expect(b.read(session)).toBe('one')
    expect(b.read('workspace/src/main.ts')).toBe('first')
    expect(b.read('workspace/old.ts')).toBeUndefined()
    expect(b.read('.local/share/opencode/tool-output/old')).toBeUndefined()
    expect(b.read('.local/share/opencode/auth.json')).toBe('kept')
    expect(b.read('.npm/cache')).toBeUndefined()
    expect(readdirSync(world.dataDir).sort()).toEqual(['.fleet', 'a1'])
  })

  it('is named by its record, and replaces the one before', async () => {
    const { world, a } = await savedOnce()
    const [first = ''] = objectsOf(world)
    expect(first).toMatch(/^a1\.1\.[\da-z]+$/)
    expect(recordOf(world)).toMatchObject({ epoch: 1, object: first, opencode: '1.18.33', path: a.home })
    a.write(session, 'two')
    await a.save(1)
    expect(objectsOf(world)).toEqual([recordOf(world)?.object])
    expect(objectsOf(world)).not.toContain(first)
  })

  it('is stored once while nothing has changed', async () => {
    const { world, a } = await savedOnce()
    const objects = objectsOf(world)
    await a.save(1)
    expect(objectsOf(world)).toEqual(objects)
  })

  it('is shared by turns that end together, and has what each of them left', async () => {
    const { world, a } = await savedOnce()
    const put = vi.spyOn(a.store.objects, 'put')
    const saves = [1, 2, 3, 4, 5].map((turn) => {
      a.write(`workspace/${turn}`, 'x')
      return a.save(1)
    })
    await Promise.all(saves)
    expect(put.mock.calls.length).toBeLessThanOrEqual(2)
    const b = world.host('b')
    await b.restore(2)
    expect(b.read('workspace/5')).toBe('x')
  })

  it('comes back to the first host when another one has saved it, and stays there when none has', async () => {
    const { world, a } = await savedOnce()
    const b = world.host('b')
    await b.restore(2)
    b.write(session, 'two')
    await b.save(2)
    await a.restore(3)
    expect(a.read(session)).toBe('two')
    a.write(session, 'three')
    // Host B owns the agent in epoch 4, and dies before it saves anything.
    await b.restore(4)
    await a.restore(5)
    expect(a.read(session)).toBe('three')
  })

  it('is restored where the home was deleted', async () => {
    const { a } = await savedOnce()
    a.remove('.')
    await a.restore(2)
    expect(a.read(session)).toBe('one')
  })

  it('is refused for an owner of an earlier epoch, whose object is deleted', async () => {
    const { world, a } = await savedOnce()
    const kept = recordOf(world)?.object
    await a.store.homes.set('acme.a1', { ...(recordOf(world) as HomeRecord), epoch: 2 }, 2)
    a.write(session, 'stale')
    await expect(a.save(1)).rejects.toMatchObject({ name: 'FencedHomeError' })
    expect(recordOf(world)).toMatchObject({ epoch: 2, object: kept })
    expect(objectsOf(world)).toEqual([kept])
    await expect(a.restore(1)).rejects.toMatchObject({ name: 'FencedHomeError' })
  })

  it('is saved though the store answers late, or its answer is lost', async () => {
    const { world, a } = await savedOnce()
    a.write(session, 'two')
    const { homes } = a.store
    const set = homes.set.bind(homes)
    vi.spyOn(homes, 'set').mockImplementationOnce(async (...args) => {
      await set(...args)
      throw new ClusterStoreError('unavailable', 'the answer was lost')
    })
    a.store.link.cut()
    const saving = a.save(1)
    a.store.link.mend()
    await saving
    expect(objectsOf(world)).toEqual([recordOf(world)?.object])
    const b = world.host('b')
    await b.restore(2)
    expect(b.read(session)).toBe('two')
  })

  it('that cannot be packed is logged, and the former one stays', async () => {
    const { world, a } = await savedOnce()
    const before = recordOf(world)
    a.write('.local/share/opencode/opencode.db', 'no database')
    await a.save(1)
    expect(a.warnings).toEqual([expect.stringContaining('the home could not be saved')])
    expect(recordOf(world)).toEqual(before)
  })

  it('that a binary has ended without a word is not saved as an empty one', async () => {
    const { world } = await savedOnce()
    const before = recordOf(world)?.object
    const binary = join(world.root, 'silent')
    writeFileSync(binary, '#!/bin/sh\nexit 1\n', { mode: 0o755 })
    const a = world.host('a', { binary })
    await a.restore(2)
    a.write('.local/share/opencode/opencode.db', 'any')
    await a.save(2)
    expect(a.warnings).toEqual([expect.stringContaining('could not be packed')])
    expect(recordOf(world)?.object).toBe(before)
  })

  it('that was damaged is not restored, and nothing of the home changes', async () => {
    const { world } = await savedOnce()
    const [name = ''] = objectsOf(world)
    world.memory.objects.set(name, new Uint8Array([1, 2, 3]))
    const b = world.host('b')
    b.write(session, 'mine')
    await expect(b.restore(2)).rejects.toThrow('is not what was saved')
    expect(b.read(session)).toBe('mine')
    // A home that could not be restored is never saved over the good one.
    await b.save(2)
    expect(objectsOf(world)).toEqual([name])
  })

  it('is refused on a host with an older opencode, or with another dataDir', async () => {
    const { world } = await savedOnce()
    const binary = (version: string): string => {
      const file = join(world.root, version)
      writeFileSync(file, `#!/bin/sh\necho ${version}\n`, { mode: 0o755 })
      return file
    }
    const older = world.host('b', { opencode: '1.18.32', binary: binary('1.18.32') })
    await expect(older.restore(2)).rejects.toThrow('written by opencode 1.18.33, and this host has 1.18.32')
    // The agent has a binary of its own.
    await world.host('e', { opencode: '1.18.32', binary: binary('1.18.33') }).restore(2)
    const elsewhere = world.host('c', {
      dataDir: join(world.root, 'other'),
      path: join(world.root, 'other/a1'),
    })
    await expect(elsewhere.restore(3)).rejects.toThrow('use the same dataDir on every host')
    // Callers are told no paths.
    expect(elsewhere.warnings).toEqual([expect.stringContaining(join(world.root, 'other/a1')) as string])
    const newer = world.host('d', { opencode: '1.19.0' })
    await newer.restore(4)
    expect(newer.read(session)).toBe('one')
  })

  it('is of the version of the server that has used it, also when the server has ended', async () => {
    const { world, a } = await savedOnce()
    a.server = '1.19.0'
    a.write(session, 'two')
    await a.save(1)
    a.server = undefined
    a.write(session, 'three')
    await a.save(1)
    expect(recordOf(world)).toMatchObject({ opencode: '1.19.0' })
  })

  it('that was saved by an owner whose answer was lost stays, though the next owner has fenced that one', async () => {
    const { world, a } = await savedOnce()
    a.write(session, 'two')
    const { homes } = a.store
    const set = homes.set.bind(homes)
    vi.spyOn(homes, 'set').mockImplementationOnce(async (...args) => {
      await set(...args)
      await fenceHome(world.memory.connect(), movedAgent, 2)
      throw new ClusterStoreError('unavailable', 'the answer was lost')
    })
    await expect(a.save(1)).rejects.toMatchObject({ name: 'FencedHomeError' })
    expect(objectsOf(world)).toContain(recordOf(world)?.object)
    const b = world.host('b')
    await b.restore(3)
    expect(b.read(session)).toBe('two')
  })

  it('counts more than a home of an earlier store, whatever its epochs were', async () => {
    const { world, a } = await savedOnce()
    await a.restore(9)
    world.memory.homes.changes.clear()
    world.memory.objects.clear()
    const b = world.host('b')
    await b.restore(1)
    b.write(session, 'two')
    await b.save(1)
    await a.restore(2)
    expect(a.read(session)).toBe('two')
  })

  it('replaces nothing if the note of the last owner cannot be read', async () => {
    const { world, a } = await savedOnce()
    a.write(session, 'not saved')
    const note = join(world.dataDir, '.fleet/homes/a1.json')
    rmSync(note)
    symlinkSync(note, note)
    await expect(a.restore(2)).rejects.toThrow('ELOOP')
    expect(a.read(session)).toBe('not saved')
  })

  it('of a removed agent is left as it is, and restored when the agent is declared again', async () => {
    const { world } = await savedOnce()
    const objects = objectsOf(world)
    const b = world.host('b')
    b.write(session, 'mine')
    b.hasAgent = false
    await b.restore(2)
    await b.save(2)
    expect(b.read(session)).toBe('mine')
    expect(objectsOf(world)).toEqual(objects)
    b.hasAgent = true
    await expect(b.save(2)).rejects.toThrow('must be restored first')
    await b.restore(3)
    expect(b.read(session)).toBe('one')
  })

  it('is saved once more when its agent was removed meanwhile', async () => {
    const { world, a } = await savedOnce()
    a.write(session, 'two')
    a.hasAgent = false
    await a.save(1)
    const b = world.host('b')
    await b.restore(2)
    expect(b.read(session)).toBe('two')
  })

  it('is saved for a caller though another one, who has asked first, has gone', async () => {
    const { world, a } = await savedOnce()
    const held = deferred<undefined>()
    const put = a.store.objects.put.bind(a.store.objects)
    const spy = vi.spyOn(a.store.objects, 'put').mockImplementationOnce(async (...args) => {
      await held.promise
      await put(...args)
    })
    a.write(session, 'two')
    const first = a.save(1)
    await vi.waitFor(() => expect(spy).toHaveBeenCalled(), { timeout: 15_000 })
    a.write(session, 'three')
    const gone = new AbortController()
    const [second, third] = [a.save(1, gone.signal), a.save(1)]
    gone.abort(new Error('gone'))
    held.resolve(undefined)
    await expect(second).rejects.toThrow('gone')
    await Promise.all([first, third])
    const b = world.host('b')
    await b.restore(2)
    expect(b.read(session)).toBe('three')
  })

  it('stops waiting for the store when the host has lost the agent', async () => {
    const { a } = await savedOnce()
    a.write(session, 'two')
    a.store.link.cut()
    const lost = new AbortController()
    const saving = a.save(1, lost.signal)
    lost.abort(new Error('lost'))
    await expect(saving).rejects.toThrow('lost')
  })
})

describe.runIf(process.platform === 'linux')('A home that the host must not trust', () => {
  const own = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }

  it('is packed without what its links lead to', async () => {
    const world = new MovingHomes()
    const a = world.host('a', { owner: own })
    await a.restore(1)
    a.write('secret/key', 'of the host')
    a.write(session, 'one')
    symlinkSync(join(a.home, 'secret'), join(a.home, 'workspace'))
    await a.save(1)
    expect(a.warnings).toEqual([])
    const b = world.host('b', { owner: own })
    await b.restore(2)
    expect(b.read(session)).toBe('one')
    expect(lstatSync(join(b.home, 'workspace')).isSymbolicLink()).toBe(true)
    expect(b.read('secret/key')).toBeUndefined()
  })

  it('is not packed through a link in the place of its data folder', async () => {
    const world = new MovingHomes()
    const a = world.host('a', { owner: own })
    await a.restore(1)
    a.write('elsewhere/share/opencode/storage/x', 'of another agent')
    symlinkSync(join(a.home, 'elsewhere'), join(a.home, '.local'))
    await a.save(1)
    expect(a.warnings).toEqual([expect.stringContaining('got a link')])
    expect(objectsOf(world)).toEqual([])
  })

  it.runIf(process.geteuid?.() === 0)('belongs to the user of the agent on the next host too', async () => {
    const user = { uid: 65_534, gid: 65_534 }
    const world = new MovingHomes()
    world.openTo(user)
    const a = world.host('a', { user, owner: user })
    await a.restore(1)
    a.write('workspace/x', 'x')
    for (const path of ['', 'workspace', 'workspace/x']) chownSync(join(a.home, path), user.uid, user.gid)
    await a.save(1)
    expect(a.warnings).toEqual([])
    const b = world.host('b', { user, owner: user })
    await b.restore(2)
    expect(b.read('workspace/x')).toBe('x')
    expect(statSync(join(b.home, 'workspace/x')).uid).toBe(user.uid)
  })

  it.runIf(process.geteuid?.() === 0)(
    'leaves no folder whose content the host removes for the agent',
    async () => {
      const user = { uid: 65_534, gid: 65_534 }
      const world = new MovingHomes()
      world.openTo(user)
      world.mount('a')
      const stage = join(world.dataDir, '.moving-1')
      mkdirSync(join(stage, 'of-host'), { recursive: true })
      writeFileSync(join(stage, 'of-host/file'), '')
      writeFileSync(join(stage, 'of-agent'), '')
      chownSync(stage, user.uid, user.gid)
      await expect(removeStage(stage)).rejects.toThrow('ENOTEMPTY')
      expect(readdirSync(stage)).toEqual(['of-host'])
    },
  )
})

describe('A saved home whose agent was removed with its homes', () => {
  const declare = (world: MovingHomes, declared: object): void => {
    const { agents } = world.memory
    agents.change('acme.a1', { declared }, agents.entry('acme.a1')?.revision ?? 0)
  }

  it('is not restored for the agent that is declared later, and goes', async () => {
    const { world } = await savedOnce()
    declare(world, { wiped: 'w1' })
    const b = world.host('b')
    await b.restore(2)
    expect(b.read(session)).toBeUndefined()
    expect(recordOf(world)).toMatchObject({ epoch: 2, object: null, wiped: 'w1' })
    expect(objectsOf(world)).toEqual([])
    b.write(session, 'new')
    await b.save(2)
    const c = world.host('c')
    await c.restore(3)
    expect(c.read(session)).toBe('new')
  })

  it.each([{ isTold: true }, { isTold: false }])(
    'is not saved again by its owner ($isTold), whose turns have their ends',
    async ({ isTold }) => {
      const { world, a } = await savedOnce()
      declare(world, { removed: true, wiped: 'w1' })
      await forgetHome(a.store, movedAgent)
      if (isTold) world.wipes.retired$.next('a1')
      // Other turns of the agent may run on for a while.
      world.wipes.settled = () => new Promise(() => undefined)
      a.write(session, 'late')
      await a.save(1)
      expect([recordOf(world), objectsOf(world)]).toEqual([undefined, []])
    },
  )

  it('is not brought to a host that deletes its home at the same moment', async () => {
    const { world } = await savedOnce()
    const b = world.host('b')
    const get = b.store.homes.get.bind(b.store.homes)
    vi.spyOn(b.store.homes, 'get').mockImplementationOnce(async (key) => {
      world.wipes.retired$.next('a1')
      return get(key)
    })
    await expect(b.restore(2)).rejects.toThrow('removed with its home')
    expect(b.read(session)).toBeUndefined()
  })

  it('is followed by a new one, which the same owner saves when the agent is declared again', async () => {
    const { world, a } = await savedOnce()
    declare(world, { wiped: 'w1' })
    world.wipes.retired$.next('a1')
    a.write(session, 'new')
    await Promise.all([a.save(1), a.save(1)])
    await forgetHome(a.store, movedAgent)
    expect(recordOf(world)).toMatchObject({ epoch: 1, wiped: 'w1' })
    const b = world.host('b')
    await b.restore(2)
    expect(b.read(session)).toBe('new')
  })
})
