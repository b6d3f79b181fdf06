import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { faultsOf, importsOf } from '../../../scripts/cycles/circles.mjs'

/** Returns the faults of a folder with these sources. */
async function faults(sources: Record<string, string>, known: { from: string; to: string }[] = []) {
  const folder = await mkdtemp(join(tmpdir(), 'opencode-runtime-cycles-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'src'))
  for (const [name, source] of Object.entries(sources)) await writeFile(join(folder, 'src', name), source)
  return faultsOf(await importsOf('src', folder), known)
}

const imports = (name: string) =>
  `import { x } from './${name}.ts'\nexport const y = x\nexport type X = string\n`
const importsType = (name: string) => `import type { X } from './${name}.ts'\nexport let x: X\n`
const none = 'export const x = 1\nexport type X = string\n'

it('imports without a circle have no fault', async () => {
  expect(await faults({ 'a.ts': imports('b'), 'b.ts': imports('c'), 'c.ts': none })).toEqual([])
})

it('a circle of values is a fault', async () => {
  const circle = { 'a.ts': imports('b'), 'b.ts': imports('c'), 'c.ts': imports('a') }
  const known = [{ from: 'src/c.ts', to: 'src/a.ts' }]
  const fault = 'circle of imports: src/a.ts → src/b.ts → src/c.ts → src/a.ts'
  expect(await faults(circle)).toEqual([fault])
  expect(await faults(circle, known)).toEqual([fault])
})

it('a circle that an import of a type closes is a fault unless that import is listed', async () => {
  const circle = { 'a.ts': imports('b'), 'b.ts': importsType('a') }
  expect(await faults(circle)).toEqual(['circle of type imports: src/a.ts → src/b.ts → src/a.ts'])
  expect(await faults(circle, [{ from: 'src/b.ts', to: 'src/a.ts' }])).toEqual([])
})

it('a listed import that closes no circle is a fault', async () => {
  const known = [{ from: 'src/b.ts', to: 'src/a.ts' }]
  expect(await faults({ 'a.ts': imports('b'), 'b.ts': none }, known)).toEqual([
    'listed in scripts/cycles/known.mjs, but closes no circle: src/b.ts → src/a.ts',
  ])
})
