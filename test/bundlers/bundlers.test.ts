import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lastReply, refused, userFolder, worked, type UserFolder } from '../support/bundled-app.ts'
import { bundlers } from './bundles.ts'

let user: UserFolder
beforeAll(async () => {
  user = await userFolder()
}, 120_000)
afterAll(() => user.remove())

const names = Object.keys(bundlers) as (keyof typeof bundlers)[]
const formats = ['esm', 'cjs'] as const

async function replyOf(name: keyof typeof bundlers, format: 'esm' | 'cjs', isExternal: boolean) {
  const file = await bundlers[name]({ folder: user.path, format, isExternal })
  return lastReply([process.execPath, file], user.path)
}

describe.each(names)('a program bundled by %s', (name) => {
  it.each(formats)('runs a turn if the package is external (%s)', async (format) => {
    expect(await replyOf(name, format, true)).toMatchObject(worked)
  })
})

describe('a bundle that contains the package', () => {
  it.each([
    ['esbuild', 'cjs'],
    ['rolldown', 'esm'],
    ['rolldown', 'cjs'],
    ['Vite SSR', 'esm'],
    ['Vite SSR', 'cjs'],
  ] as const)('runs a turn (%s, %s)', async (name, format) => {
    expect(await replyOf(name, format, false)).toMatchObject(worked)
  })

  it('names the way out where ES modules have no `require` (esbuild, esm)', async () => {
    const cause = 'A module could not be loaded: Dynamic require of "node:fs" is not supported'
    expect(await replyOf('esbuild', 'esm', false)).toMatchObject(refused(cause))
  })

  // Rollup loads all optional modules of undici at once. Node 22.5 and later have this module.
  it('names the way out where Node lacks an optional module (rollup, esm)', async () => {
    const cause = 'A module could not be loaded: No such built-in module: node:sqlite'
    const hasModule = builtinModules.some((name) => name.endsWith('sqlite'))
    expect(await replyOf('rollup', 'esm', false)).toMatchObject(hasModule ? worked : refused(cause))
  })
})

describe('a CommonJS program', () => {
  it('runs a turn with the package from `require`', async () => {
    expect(await lastReply([process.execPath, join(user.path, 'app.cjs')], user.path)).toMatchObject(worked)
  })
})
