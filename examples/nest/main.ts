/** Runs the application on the real opencode, with a scripted model: no key, no network. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startScriptedModel } from 'opencode-runtime/testing'
import { createApplication } from './application.ts'

const home = await mkdtemp(join(tmpdir(), 'nest-'))
await run().finally(() => rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }))

/** Serves until SIGINT or SIGTERM; then nothing is left running. */
async function run(): Promise<void> {
  const apiKey = 'sk-scripted'
  const script = [
    { match: () => true, reply: { text: ['One word ', 'after ', 'another.'], chunkDelayMs: 300 } },
  ]
  await using model = await startScriptedModel(script, { apiKey })
  const opencode = { home, proxy: { baseURL: model.baseURL, apiKey }, models: ['scripted'] }
  const app = await createApplication({ opencode, drainMs: 10_000 })
  await app.listen(Number(process.env['PORT'] ?? 8080), '127.0.0.1')
  console.log(`The application listens at ${await app.getUrl()}`)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  await app.close() // a host without a folder to remove calls app.enableShutdownHooks() instead
}
