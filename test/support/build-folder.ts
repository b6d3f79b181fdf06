// Global setup of vitest: all test files of a run share one build of the package, which the first of them makes and all of
// them copy.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Folder for the build of this run, and for the copies of the test files. */
    buildFolder: string
  }
}

/** Folder below node_modules, so that a package in there finds its dependencies. */
const cache = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url))

/** Provides an empty folder, and removes the folder after the run. */
export default function setup(project: TestProject): () => void {
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'opencode-runtime-'))
  // Tests start the package as another user.
  chmodSync(folder, 0o755)
  project.provide('buildFolder', folder)
  const empty = (): void => rmSync(join(folder, 'package'), { recursive: true, force: true })
  // In watch mode the sources have changed.
  project.onTestsRerun(empty)
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
}
