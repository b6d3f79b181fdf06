import type * as Fs from 'node:fs'
import fc from 'fast-check'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { lockHome, type HomeLock } from '../../../../src/io/home/home-lock.ts'
import { tempHome } from '../../../support/home.ts'

/** Actions of other hosts, taken from the front, each run when a lock's code touches the file system. */
const meanwhile: (() => void)[] = []

vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof Fs>()
  const interrupted =
    <Args extends unknown[], Result>(act: (...args: Args) => Result) =>
    (...args: Args): Result => {
      meanwhile.shift()?.()
      return act(...args)
    }
  const { linkSync, readdirSync, readFileSync, rmSync, renameSync, writeFileSync } = fs
  const names = { linkSync, readdirSync, readFileSync, rmSync, renameSync, writeFileSync }
  const wrapped = Object.entries(names).map(([name, act]) => [
    name,
    interrupted(act as (path: string) => unknown),
  ])
  return { ...fs, ...Object.fromEntries(wrapped) } as typeof Fs
})

beforeEach(() => void meanwhile.splice(0))

/** Hosts that compete for the lock of a home. */
class Others {
  readonly home: string
  readonly holders: HomeLock[] = []

  constructor(home: string) {
    this.home = home
  }

  take(): void {
    try {
      this.holders.push(lockHome(this.home))
    } catch {
      // Another host has the lock.
    }
  }

  release(): void {
    this.holders.pop()?.release()
  }
}

/** Runs an action of another host without interruption. */
function alone(act: () => void): () => void {
  return () => {
    const rest = meanwhile.splice(0)
    act()
    meanwhile.push(...rest)
  }
}

describe('lockHome', () => {
  it('gives the lock to exactly one host, whatever other hosts do at any moment', { timeout: 60_000 }, () => {
    const steps = fc.array(fc.constantFrom('take', 'release', 'nothing'), { maxLength: 6 })
    fc.assert(
      fc.property(fc.boolean(), fc.array(steps, { maxLength: 14 }), (wasUsed, moments) => {
        const home = tempHome()
        if (wasUsed) lockHome(home).release()
        const others = new Others(home)
        const run = (step: 'take' | 'release' | 'nothing') => step !== 'nothing' && others[step]()
        meanwhile.push(...moments.map((moment) => alone(() => moment.forEach(run))))
        const one = new Others(home)
        one.take()
        meanwhile.splice(0)
        const holders = [...one.holders, ...others.holders]
        expect(holders.length).toBeLessThanOrEqual(1)
        // The holder keeps the lock, and the lock is free after its release.
        const late = new Others(home)
        late.take()
        expect(late.holders.length).toBe(1 - holders.length)
        for (const holder of [...holders, ...late.holders]) holder.release()
        lockHome(home).release()
      }),
      { numRuns: 100 },
    )
  })
})
