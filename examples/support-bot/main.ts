/** Runs the support bot on the real opencode, with a scripted model: no key, no network. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serve } from '@hono/node-server'
import { startScriptedModel } from 'opencode-runtime/testing'
import { supportApp } from './app.ts'
import { SupportBot } from './bot.ts'
import { script } from './script.ts'
import { Shop } from './shop.ts'

const home = await mkdtemp(join(tmpdir(), 'support-bot-'))
await run().finally(() => rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }))

/** Serves until SIGINT or SIGTERM; then nothing is left running. */
async function run(): Promise<void> {
  const apiKey = 'sk-scripted'
  await using model = await startScriptedModel(script, { apiKey })
  const shop = new Shop([
    { id: '1001', customer: 'ada', item: 'bicycle', total: 900, status: 'shipped' },
    { id: '1002', customer: 'bob', item: 'bell', total: 12, status: 'delivered' },
  ])
  await using bot = new SupportBot(shop, {
    home,
    proxy: { baseURL: model.baseURL, apiKey },
    models: ['scripted'],
  })
  const { fetch } = supportApp(bot)
  const http = serve({ fetch, port: Number(process.env['PORT'] ?? 8080), hostname: '127.0.0.1' })
  await once(http, 'listening')
  console.log(`The support bot listens at http://127.0.0.1:${(http.address() as AddressInfo).port}`)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  await bot.close()
  http.close()
}
