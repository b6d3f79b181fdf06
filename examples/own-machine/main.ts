/** Runs three jobs on the real opencode, with a scripted model: no key, no network. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileOptions } from 'opencode-runtime'
import { startScriptedModel, type ScriptedRule } from 'opencode-runtime/testing'
import { createActor, toPromise, waitFor } from 'xstate'
import { jobsMachine } from './machine.ts'

const apiKey = 'sk-scripted'
const script: ScriptedRule[] = [
  { match: 'refused', reply: { error: { status: 401, message: 'Incorrect API key provided.' } } },
  { match: () => true, reply: ({ text }) => ({ text: [`You said “${text}”`, ', no more.'] }) },
]

const home = await mkdtemp(join(tmpdir(), 'own-machine-'))
await run().finally(() => rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }))

async function run(): Promise<void> {
  await using model = await startScriptedModel(script, { apiKey })
  const opencode = compileOptions({ home, proxy: { baseURL: model.baseURL, apiKey }, models: ['scripted'] })
  const app = createActor(jobsMachine, { input: { opencode, maxTries: 3, retryMs: 1_000 } })
  app.on('job.reply', ({ job, reply }) => console.log(`${job}: ${JSON.stringify(reply)}`))
  app.start()
  for (const text of ['first', 'refused', 'last']) app.send({ type: 'job.add', text })
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => app.send({ type: 'app.close' }))
  await waitFor(app, ({ context, status }) => context.jobs.length === 0 || status === 'done')
  app.send({ type: 'app.close' })
  await toPromise(app)
}
