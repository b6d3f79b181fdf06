import type { TestProject } from 'vitest/node'
import { liteLLM } from './venv.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the Python with LiteLLM; null if this machine cannot have one, so that the tests are skipped. */
    liteLLMPython: string | null
  }
}

/** Creates the environment before the tests are collected, and warns if that is impossible. */
export default async function setup(project: TestProject): Promise<void> {
  const found = await liteLLM()
  project.provide('liteLLMPython', 'python' in found ? found.python : null)
  if ('missing' in found) console.warn(banner(found.missing))
}

function banner(missing: string): string {
  const line = '*'.repeat(78)
  const reason = missing.split('\n').map((words) => `*   ${words}`)
  return [
    '',
    line,
    '*  SKIPPED: the tests with the real LiteLLM proxy did NOT run.',
    '*',
    ...reason,
    '*',
    '*  They need Python 3.11 to 3.14 with venv, and a package index that pip can reach.',
    line,
    '',
  ].join('\n')
}
