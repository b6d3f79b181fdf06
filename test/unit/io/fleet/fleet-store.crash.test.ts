import type * as Fs from 'node:fs/promises'
import { cpSync, readdirSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { agentsFolder } from '../../../../src/io/fleet/fleet-folder.ts'
import { openStore, specOf } from '../../../support/fleet-store.ts'
import { tempHome } from '../../../support/home.ts'

const { host } = vi.hoisted(() => ({
  /** Operations of the file system that the host still does before it dies, and those that it did. */
  host: { left: Infinity, done: [] as string[] },
}))

vi.mock('node:fs/promises', async (importOriginal) => {
  const fs = await importOriginal<typeof Fs>()
  const mortal = (['open', 'rename', 'rm', 'writeFile'] as const).map((name) => [
    name,
    async (...args: unknown[]): Promise<unknown> => {
      // A dead host does nothing more, so that its promises never settle.
      if (host.left <= 0) {
        if (host.left-- === 0 && name === 'writeFile') await tear(args)
        return new Promise(() => undefined)
      }
      host.left--
      host.done.push(name)
      return (fs[name] as (...args: unknown[]) => Promise<unknown>)(...args)
    },
  ])
  /** Writes half of the content, as a host that dies in the middle of a write. */
  const tear = ([file, content, options]: unknown[]): Promise<void> => {
    const text = content as string
    return fs.writeFile(
      file as string,
      text.slice(0, text.length / 2),
      options as Parameters<typeof Fs.writeFile>[2],
    )
  }
  return { ...fs, ...Object.fromEntries(mortal) } as typeof Fs
})

describe('a host that dies in the middle of a change', () => {
  const before = ['kept', 'changed', 'removed', 'untouched'].map((id) => specOf(id))
  const change = {
    put: [specOf('changed', 1), specOf('added'), specOf('kept')],
    remove: ['removed', 'not-there'],
  }
  const after = [specOf('added'), specOf('changed', 1), specOf('kept'), specOf('untouched')]

  /** Makes the change, and dies after some operations; resolves with the agents that the next host finds. */
  async function dieAfter(operations: number) {
    host.left = Infinity
    const dataDir = tempHome()
    const { store } = await openStore(dataDir)
    await store.change({ put: before })
    host.done = []
    host.left = operations
    const ended = store.change(change).then(() => true)
    const isDead = vi
      .waitFor(() => expect(host.left).toBeLessThan(0), { interval: 1, timeout: 15_000 })
      .then(() => false)
    const hasEnded = await Promise.race([ended, isDead.catch(() => ended)])
    host.left = Infinity
    // A copy of the folder is free, as the folder of a dead host is.
    const found = tempHome()
    cpSync(dataDir, found, { recursive: true })
    const { specs, faults, store: next } = await openStore(found)
    await next.close()
    return { hasEnded, specs, faults, files: readdirSync(agentsFolder(found)) }
  }

  it('leaves each agent as before or as after, at every operation of the file system', async () => {
    const states = new Set<string>()
    for (let operations = 0; ; operations++) {
      const { hasEnded, specs, faults, files } = await dieAfter(operations)
      expect(faults).toEqual([])
      expect(files.every((name) => name.endsWith('.json'))).toBe(true)
      for (const id of new Set([...before, ...after].map((spec) => spec.id))) {
        const [found, old, new_] = [specs, before, after].map((all) => all.find((spec) => spec.id === id))
        expect([old, new_]).toContainEqual(found)
      }
      states.add(JSON.stringify(specs))
      if (!hasEnded) continue
      expect(specs).toEqual(after)
      // Three drafts, three renames, two removals, and the sync of the folder.
      expect(host.done.filter((name) => name === 'writeFile')).toHaveLength(3)
      expect(operations).toBeGreaterThanOrEqual(9)
      break
    }
    // The change of three agents is seen in steps.
    expect(states.size).toBe(4)
  })
})
