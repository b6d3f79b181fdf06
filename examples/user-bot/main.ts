/** Runs the bot on the real opencode, with a scripted model: no key, no network. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serve } from '@hono/node-server'
import { startScriptedModel } from 'opencode-runtime/testing'
import { botApp } from './app.ts'
import { UserBot } from './bot.ts'
import { script } from './script.ts'

const dataDir = await mkdtemp(join(tmpdir(), 'user-bot-'))
await run().finally(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }))

/** Serves until SIGINT or SIGTERM; then nothing is left running. */
async function run(): Promise<void> {
  const apiKey = 'sk-scripted'
  await using model = await startScriptedModel(script, { apiKey })
  await using bot = await UserBot.open({
    dataDir,
    defaults: { proxy: { baseURL: model.baseURL, apiKey }, models: ['scripted'], idleTimeoutMs: 300_000 },
    limits: { maxServers: 1, maxQueuedTurns: 100 }, // one place, so that two users show an eviction
  })
  bot.fleet.events$.subscribe((event) => {
    if (event.type === 'agent.added' || event.type === 'agent.evicted') console.log(event.type, event.agentId)
  })
  const { fetch } = botApp(bot, (name) => (name === 'ada' ? 'paid' : 'free'))
  const http = serve({ fetch, port: Number(process.env['PORT'] ?? 8080), hostname: '127.0.0.1' })
  await once(http, 'listening')
  console.log(`The bot listens at http://127.0.0.1:${(http.address() as AddressInfo).port}`)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  http.close() // no new messages; running responses go on
  await bot.close(10_000)
}
