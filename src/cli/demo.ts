import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { OpenCodeServerOptions } from '../options.ts'
import type { Reply } from '../replies.ts'
import type { ScriptedModel } from '../testing/index.ts'
import { demoScript } from './demo-script.ts'
import { drive, type Outcome } from './drive.ts'
import type { DemoFlags } from './flags.ts'
import { Output } from './output.ts'
import { usageText } from './rows.ts'
import { Screen } from './screen.ts'
import { View } from './view.ts'

/**
 * `opencode-runtime demo`: one turn on the real opencode binary, in front of a scripted model on loopback. Resolves with
 * the exit code; the model, the server and a temporary home are gone then.
 */
export async function demo(prompt: string, { home, json = false }: DemoFlags): Promise<number> {
  const reader = new AbortController()
  const out = new Output(process.stdout, () => reader.abort())
  const screen = new Screen(out, json ? new Output(process.stderr) : out)
  const place = home === undefined ? await temporaryHome() : { home: resolve(home), remove: () => Promise.resolve() }
  try {
    const { outcome, counts } = await show(prompt, place.home, screen, json, reader.signal)
    await place.remove()
    await screen.line()
    await screen.line(summary(outcome, counts, screen))
    return outcome.exitCode
  } finally {
    await place.remove()
  }
}
