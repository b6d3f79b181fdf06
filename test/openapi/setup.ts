import type { TestProject } from 'vitest/node'
import { pythonVenv, skipBanner } from '../support/python-venv.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the Python with schemathesis and openai; null if this machine cannot have one, so that the tests are skipped. */
    schemathesisPython: string | null
  }
}

/** Creates the environment before the tests are collected, and warns if that is impossible. */
export default async function setup(project: TestProject): Promise<void> {
  const found = await pythonVenv({
    name: 'schemathesis',
    packageName: 'schemathesis',
    folder: import.meta.dirname,
    cost: 'about a minute, 130 MB',
  })
  project.provide('schemathesisPython', 'python' in found ? found.python : null)
  if ('missing' in found)
    console.warn(skipBanner('the tests of the gateway with schemathesis and openai', found.missing))
}
