import type { TestProject } from 'vitest/node'
import { runtimesFolder } from './install.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder whose `node_modules` has the runtimes; null on a machine without them, so that the tests are skipped. */
    runtimes: string | null
  }
}

/** Installs the runtimes before the tests are collected: always in CI, else only if they were installed before. */
export default async function setup(project: TestProject): Promise<void> {
  const folder = await runtimesFolder(Boolean(process.env['CI']))
  project.provide('runtimes', folder ?? null)
  if (folder === undefined) console.warn(banner)
}

const line = '*'.repeat(78)
const banner = [
  '',
  line,
  '*  SKIPPED: the tests with Bun, Deno, Jest, Next and webpack did NOT run.',
  '*',
  '*  They are installed on demand, once (600 MB): CI=1 npm run test:runtimes',
  line,
  '',
].join('\n')
