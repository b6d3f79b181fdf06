import { join } from 'node:path'
import { execa } from 'execa'
import { chromium } from 'playwright-core'
import type { TestProject } from 'vitest/node'
import { browserFiles } from './install.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Browser that all test files share; null on a machine without one, so that the tests are skipped. */
    browser: { endpoint: string; axe: string } | null
  }
}

/** Flags that Chromium needs as root, in a container, and without a graphics card. */
const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--font-render-hinting=none']

/**
 * Builds the view, and starts one browser for all test files: always in CI, else only if the browser was installed
 * before.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const files = await browserFiles(Boolean(process.env['CI']))
  if (!files) {
    project.provide('browser', null)
    console.warn(banner)
    return () => Promise.resolve()
  }
  await execa(process.execPath, [join(import.meta.dirname, '../../scripts/view.mjs')])
  const { executablePath, env, axe } = files
  const server = await chromium.launchServer({
    executablePath,
    args,
    env: { ...process.env, ...env },
    host: '127.0.0.1',
  })
  project.provide('browser', { endpoint: server.wsEndpoint(), axe })
  return () => server.close()
}

const line = '*'.repeat(78)
const banner = [
  '',
  line,
  '*  SKIPPED: the tests of the view in a real browser did NOT run.',
  '*',
  '*  Chromium is installed on demand, once (200 MB): CI=1 npm run test:browser',
  line,
  '',
].join('\n')
