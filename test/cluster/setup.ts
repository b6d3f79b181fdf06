import type { TestProject } from 'vitest/node'
import { natsBinary } from '../support/nats-server.ts'
import { skipBanner } from '../support/python-venv.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of nats-server; null if this machine cannot have one, so that the tests are skipped. */
    natsServer: string | null
  }
}

/** Finds nats-server before the tests are collected, and warns if there is none. */
export default async function setup(project: TestProject): Promise<void> {
  const found = await natsBinary()
  project.provide('natsServer', 'binary' in found ? found.binary : null)
  if ('binary' in found) return
  // A run of CI must not pass without these tests.
  if (process.env['CI']) throw new Error(`The tests of the cluster need nats-server: ${found.missing}`)
  console.warn(skipBanner('the tests of the cluster with NATS', found.missing))
}
