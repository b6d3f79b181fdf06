import type { TestProject } from 'vitest/node'
import { pythonVenv, skipBanner } from '../support/python-venv.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the Python with LiteLLM; null if this machine cannot have one, so that the tests are skipped. */
    liteLLMPython: string | null
  }
}

/** Creates the environment before the tests are collected, and warns if that is impossible. */
export default async function setup(project: TestProject): Promise<void> {
  const found = await pythonVenv({
    name: 'litellm',
    packageName: 'litellm',
    folder: import.meta.dirname,
    cost: 'one to three minutes, 700 MB',
  })
  project.provide('liteLLMPython', 'python' in found ? found.python : null)
  if ('missing' in found) console.warn(skipBanner('the tests with the real LiteLLM proxy', found.missing))
}
