/** Runs the chat service on the real opencode, with a scripted model: no key, no network. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startScriptedModel } from 'opencode-runtime/testing'
import { ChatService } from './chat.ts'
import { createChatServer } from './http.ts'
import { script } from './script.ts'

const home = await mkdtemp(join(tmpdir(), 'chat-service-'))
await serve().finally(() => rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }))

/** Serves until SIGINT or SIGTERM; then nothing is left running. */
async function serve(): Promise<void> {
  const apiKey = 'sk-scripted'
  await using model = await startScriptedModel(script, { apiKey })
  const proxy = { baseURL: model.baseURL, apiKey }
  await using chat = new ChatService({ home, proxy, models: ['scripted'] })
  const http = createChatServer(chat).listen(Number(process.env['PORT'] ?? 8080), '127.0.0.1')
  await once(http, 'listening')
  console.log(`The chat service listens at http://127.0.0.1:${(http.address() as AddressInfo).port}`)
  chat.events$.subscribe((event) => console.log(JSON.stringify(event)))
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  await chat.close() // completes its streams, and so the responses that clients still read
  http.close()
}
