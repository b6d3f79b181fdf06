import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { firstValueFrom, toArray } from 'rxjs'
import { OpenCodeServer, type OpenCodeServerOptions, type Reply, type Turn } from '../../src/index.ts'
import { startScriptedModel, type ScriptedRule } from '../../src/testing/index.ts'
import { expectNothingLeft } from './home.ts'

/** Key of the agent for the scripted model. */
export const apiKey = 'sk-real-test-0123456789'

/** Starts a server with the real opencode binary and a scripted model, in a new home. */
export async function realServer(
  script: readonly ScriptedRule[],
  options: Partial<OpenCodeServerOptions> = {},
) {
  const home = mkdtempSync(join(tmpdir(), 'opencode-runtime-real-'))
  const model = await startScriptedModel(script, { apiKey })
  const server = new OpenCodeServer({
    home,
    proxy: { baseURL: model.baseURL, apiKey },
    models: ['gpt-4o'],
    // The binary of this repository, whatever the machine has installed.
    binary: join(import.meta.dirname, '../../node_modules/opencode-ai/bin/opencode.exe'),
    ...options,
  })
  const baseURLs = new Set<string>()
  server.lifecycle$.subscribe(({ baseURL }) => baseURL !== undefined && baseURLs.add(baseURL))
  const close = async (): Promise<void> => {
    await server.close()
    await model.stop()
    await expectNothingLeft(home, [...baseURLs])
    rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
  return { home, model, server, close }
}

/** Resolves with all replies of a turn when the turn is done. */
export const collect = (turn: Turn): Promise<Reply[]> => firstValueFrom(turn.replies$.pipe(toArray()))

/** Returns the kinds of replies, in order. */
export const kinds = (replies: readonly Reply[]): string[] => replies.map((reply) => reply.kind)
