import { describe, expect, it } from 'vitest'
import { deleteGarbage } from '../../../../src/cluster/homes/garbage.ts'
import { fenceHome, homeObject, nameHome } from '../../../../src/cluster/homes/home-register.ts'
import { MemoryCluster } from '../../../../src/cluster/store/memory/memory-store.ts'

const agent = { tenant: 'acme', agentId: 'a1' }
const saved = (epoch: number, object: string) => ({
  ...{ epoch, object, sha256: '0', size: 1, opencode: null, history: null, path: null },
})

function world() {
  const memory = new MemoryCluster()
  const store = memory.connect()
  const put = async (epoch: number, at: number): Promise<string> => {
    const name = homeObject(agent, epoch, at)
    await store.objects.put(name, new Uint8Array([1]))
    return name
  }
  return { memory, store, put }
}

describe('The garbage of homes', () => {
  it('are the objects of former epochs that the record does not name', async () => {
    const { memory, store, put } = world()
    const { revision } = await fenceHome(store, agent, 3)
    const [left, named] = [await put(3, 1), await put(3, 2)]
    await nameHome(store, agent, saved(3, named), revision)
    await fenceHome(store, agent, 4)
    expect(await deleteGarbage(store)).toEqual([left])
    expect([...memory.objects.keys()]).toEqual([named])
  })

  it('are never objects that an owner may be about to name, whatever happens in between', async () => {
    const { store, put } = world()
    const { revision } = await fenceHome(store, agent, 3)
    const named = await put(3, 1)
    expect(await deleteGarbage(store)).toEqual([])
    await nameHome(store, agent, saved(3, named), revision)
    expect(await deleteGarbage(store)).toEqual([])
    // The next owner has stored an object, and not named it yet.
    const { revision: later } = await fenceHome(store, agent, 4)
    const next = await put(4, 2)
    expect(await deleteGarbage(store)).toEqual([])
    await nameHome(store, agent, saved(4, next), later)
    await fenceHome(store, agent, 5)
    expect(await deleteGarbage(store)).toEqual([named])
  })

  it('are the saved homes of an agent that was removed with them, and objects that their owner has left', async () => {
    const { memory, store, put } = world()
    const { record, revision } = await fenceHome(store, agent, 3)
    await nameHome(store, agent, { ...record, object: await put(3, 1) }, revision)
    memory.agents.change('acme.a1', { declared: { removed: true, wiped: 'w1' } }, 0)
    await deleteGarbage(store)
    expect(memory.homes.entry('acme.a1')).toBeUndefined()
    const left = await put(3, 2)
    expect(await deleteGarbage(store)).toEqual([left])
    // The agent was declared again: its new home stays.
    const { record: anew, revision: now } = await fenceHome(store, agent, 4)
    const named = await put(4, 3)
    await nameHome(store, agent, { ...anew, object: named }, now)
    expect(await deleteGarbage(store)).toEqual([])
    expect(memory.homes.entry('acme.a1')?.value).toMatchObject({ object: named, wiped: 'w1' })
  })

  it('are never other objects, nor those of an agent without a record', async () => {
    const { memory, store, put } = world()
    await put(1, 1)
    await store.objects.put('turn-1', new Uint8Array([1]))
    expect(await deleteGarbage(store)).toEqual([])
    expect(memory.objects.size).toBe(2)
    // Another tenant has an agent with the same id.
    await fenceHome(store, agent, 2)
    await fenceHome(store, { ...agent, tenant: 'other' }, 1)
    expect(await deleteGarbage(store)).toEqual([])
  })
})
