import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServeConfig } from '../../gateway/config/config-file.ts'
import { defaultListen, parseListen } from '../../gateway/config/listen.ts'
import type { ModelRequest, ScriptedModel, ScriptedReply, ScriptedRule } from '../../testing/index.ts'
import { demoScript } from '../demo-script.ts'
import { UsageError } from '../exit-codes.ts'
import type { ServeFlags } from '../flags.ts'
import type { Std } from '../std.ts'
import { runDaemon } from './run-daemon.ts'
import { overridden } from './overridden.ts'

/**
 * Serves two agents in front of a scripted model on loopback, without a token, in a temporary folder that is removed
 * at the end. `alice` runs her tools at once; `bob` asks for the permission first.
 */
export async function serveDemo(flags: ServeFlags, std: Std): Promise<number> {
  if (flags.config !== undefined) throw new UsageError('--demo has its own config: leave --config out')
  const apiKey = randomBytes(16).toString('hex')
  await using model = await startModel(apiKey)
  await using folder = await temporaryFolder()
  const open = { ...flags, insecureNoAuth: true }
  const config = overridden(demoConfig(folder.path, model.baseURL, apiKey), open)
  return await runDaemon({ config }, open, std, { lines: thingsToTry })
}

/**
 * Starts the scripted model. Only this function loads the test kit. The function is separate, because TypeScript 6.0
 * does not rewrite the specifier of an `import()` in a function with `using`.
 *
 * @throws if aimock is missing; the message says what to install.
 */
async function startModel(apiKey: string): Promise<ScriptedModel> {
  const { startScriptedModel } = await import('../../testing/index.ts')
  return startScriptedModel(rules, { apiKey })
}

/** Script that calls a tool and then answers, for any prompt of any session. */
const rules: ScriptedRule[] = [{ match: () => true, reply: replyTo }]

function replyTo(request: ModelRequest): ScriptedReply {
  const replies = demoScript(request.text).flatMap(({ reply }) =>
    typeof reply === 'function' ? [] : [reply].flat(),
  )
  const hasResult = request.messages.at(-1)?.role === 'tool'
  return replies[hasResult ? 1 : 0] ?? { text: 'The script has no more replies.' }
}

/** Returns the config of a demo, without its agents. */
export function demoFleet(dataDir: string, baseURL: string, apiKey: string): Omit<ServeConfig, 'agents'> {
  const listen = parseListen(defaultListen)
  if (!listen) throw new TypeError(`${defaultListen} is no address`)
  return {
    listen,
    socketMode: '0600',
    fleet: {
      dataDir,
      defaults: {
        proxy: { baseURL, apiKey },
        models: [{ id: 'scripted', name: 'Scripted model', cost: { input: 2, output: 8, cacheRead: 0.2 } }],
        maxRestarts: 1,
        idleTimeoutMs: 60_000,
      },
    },
    gateway: {},
  }
}

const demoConfig = (dataDir: string, baseURL: string, apiKey: string): ServeConfig => ({
  ...demoFleet(dataDir, baseURL, apiKey),
  agents: [
    { id: 'alice', labels: { about: 'runs her tools at once' } },
    {
      id: 'bob',
      onPermission: 'ask',
      config: { permission: { bash: 'ask' } },
      labels: { about: 'asks first' },
    },
  ],
})

/** Makes a folder that is removed on disposal. */
export async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'opencode-runtime-serve-'))
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  return { path, [Symbol.asyncDispose]: remove }
}

/** Returns commands to try on an address. */
export function thingsToTry(address: string): string[] {
  const [base, socket] = address.startsWith('unix:')
    ? ['http://localhost', `--unix-socket ${address.slice('unix:'.length)} `]
    : [address, '']
  const curl = `curl ${socket}-sN`
  return [
    '',
    ...(socket === '' ? [`Watch the agents in a browser: ${base}`, ''] : []),
    'Try in another terminal (the model is a script, opencode is real):',
    `  ${curl} ${base}/v1/agents`,
    `  ${curl} ${base}/v1/agents/alice/turns -H 'Accept: application/x-ndjson' --json '{"text":"What can you do?"}'`,
    `  ${curl} '${base}/v1/agents/alice/turns?wait=true' --json '{"text":"Say hello"}'`,
    `  ${curl} ${base}/v1/agents/bob/turns --json '{"text":"Ask me first"}'`,
    `  ${curl} ${base}/v1/requests    # when bob's server has started; then answer the request by its id:`,
    `  ${curl} ${base}/v1/requests/ID/answer --json '{"reply":"once"}'`,
    `  ${curl} ${base}/v1/events`,
    `  ${curl} '${base}/v1/usage?by=agent'`,
    'Ctrl-C ends everything and removes the folder.',
  ]
}
