/** Runs the service on the real opencode, with a scripted model: no key, no network. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startScriptedModel } from 'opencode-runtime/testing'
import { startService } from './service.ts'

const home = await mkdtemp(join(tmpdir(), 'hono-sse-'))
await run().finally(() => rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }))

/** Serves until SIGINT or SIGTERM; then nothing is left running. */
async function run(): Promise<void> {
  const apiKey = 'sk-scripted'
  const script = [
    { match: () => true, reply: { text: ['One word ', 'after ', 'another.'], chunkDelayMs: 300 } },
  ]
  await using model = await startScriptedModel(script, { apiKey })
  const proxy = { baseURL: model.baseURL, apiKey }
  await using service = await startService(
    { home, proxy, models: ['scripted'] },
    Number(process.env['PORT'] ?? 8080),
  )
  console.log(`The service listens at ${service.url}`)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
}
