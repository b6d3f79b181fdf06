import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { OpenCodeServer } from '../../src/index.ts'
import { normal } from './record.ts'
import { conversationCases } from './conversation-cases.ts'
import { serverCases } from './server-cases.ts'
import { turnCases } from './turn-cases.ts'

/** Environment of a case: a server on the real opencode or a fake, with the script of `script.ts`. */
export interface Stage {
  server: OpenCodeServer
  /** States of the server's lifecycle so far. */
  states: readonly string[]
}

/** Plays a case, and resolves with a record of it. */
export type Case = (stage: Stage) => Promise<unknown>

const cases = Object.entries({ ...turnCases, ...conversationCases, ...serverCases })
const file = new URL('expected.json', import.meta.url)

interface Opened {
  home: string
  server: OpenCodeServer
  close: () => Promise<void>
}

/**
 * Plays every case, and compares the record with the expectation, which is the same for the real opencode and the fake.
 * The real opencode defines the expectations: run its suite with `UPDATE_CONFORMANCE=1` to write them.
 */
export function describeConformance(open: () => Promise<Opened>): void {
  let stage: Stage
  let opened: Opened
  const expected = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  const seen: Record<string, unknown> = {}

  beforeAll(async () => {
    opened = await open()
    const states: string[] = []
    opened.server.lifecycle$.subscribe(({ state }) => {
      if (states.at(-1) !== state) states.push(state)
    })
    stage = { server: opened.server, states }
    await opened.server.ensureRunning()
  })

  afterAll(async () => {
    if (process.env['UPDATE_CONFORMANCE'] === '1') writeFileSync(file, `${JSON.stringify(seen, null, 2)}\n`)
    await opened.close()
  })

  it.each(cases)('%s', async (name, play) => {
    seen[name] = normal(await play(stage), opened.home)
    if (process.env['UPDATE_CONFORMANCE'] !== '1') expect(seen[name]).toEqual(expected[name])
  })

  it('has an expectation for each case, and no other', () => {
    if (process.env['UPDATE_CONFORMANCE'] !== '1')
      expect(Object.keys(expected)).toEqual(cases.map(([name]) => name))
  })
}
