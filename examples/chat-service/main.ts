/** Starts the chat service on the real opencode, in front of a scripted model: no key, no network. */
import { mkdtemp, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startScriptedModel } from 'opencode-runtime/testing'
import { ChatService } from './chat.ts'
import { createChatServer } from './http.ts'
import { script } from './script.ts'

const apiKey = 'sk-scripted'
const port = Number(process.env['PORT'] ?? 8080)
const home = await mkdtemp(join(tmpdir(), 'chat-service-'))
const model = await startScriptedModel(script, { apiKey })
const chat = new ChatService({ home, proxy: { baseURL: model.baseURL, apiKey }, models: ['scripted'] })
const http = createChatServer(chat)

chat.events$.subscribe((event) => console.log(JSON.stringify(event)))
http.listen(port, '127.0.0.1', () => console.log(`The chat service listens at http://127.0.0.1:${port}`))

await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
await chat.close() // its streams complete, and with them the responses that clients still read
http.close()
await model.stop()
await rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
