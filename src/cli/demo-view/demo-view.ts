import { randomBytes } from 'node:crypto'
import { scopes } from '../../gateway/access/caller.ts'
import { changeTokens } from '../../gateway/access/token-file.ts'
import { newToken } from '../../gateway/access/token-record.ts'
import type { ServeConfig } from '../../gateway/config/config-file.ts'
import type { ScriptedModel } from '../../testing/index.ts'
import { UsageError } from '../exit-codes.ts'
import type { DemoFlags } from '../flags.ts'
import { demoFleet, temporaryFolder } from '../serve/demo.ts'
import { overridden } from '../serve/overridden.ts'
import { runDaemon } from '../serve/run-daemon.ts'
import type { Std } from '../std.ts'
import { canOpen, openInBrowser } from './open-browser.ts'
import { rules } from './script.ts'
import { startTurns } from './turns.ts'

/** Address of the demo: any free port of this machine. */
const anyPort = '127.0.0.1:0'

/** Time for running turns to end after Ctrl-C, in ms: the turns of a demo need not end by themselves. */
const drainMs = 0

/** Time for the answer to the request, in ms: a person may look at all else first. */
const requestTimeoutMs = 60 * 60_000

/**
 * Runs `opencode-runtime demo --view`: three agents on the real opencode in front of a scripted model, and the view of
 * them in the browser. One agent streams answers, one asks for a permission, and one waits to be asked. Resolves with the
 * exit code when everything is gone.
 *
 * @throws UsageError for a flag that the view does not take
 */
export async function demoView(flags: DemoFlags, std: Std): Promise<number> {
  if (flags.json === true || flags.home !== undefined)
    throw new UsageError('--view shows agents in the browser: leave --json and --home out')
  if (flags.listen?.startsWith('unix:') === true)
    throw new UsageError('--listen: a browser needs an address such as 127.0.0.1:7420')
  const apiKey = randomBytes(16).toString('hex')
  await using model = await startModel(apiKey)
  await using folder = await temporaryFolder()
  const { token, record } = newToken({ id: 'demo', scopes })
  await changeTokens(folder.path, () => [record])
  const serveFlags = { listen: flags.listen ?? anyPort, drainMs, logLevel: 'warn' } as const
  const config = overridden(demoConfig(folder.path, model.baseURL, apiKey), serveFlags)
  const isOpened = flags.open !== false && canOpen()
  return await runDaemon({ config }, serveFlags, std, {
    lines: (address) => introduction(linkOf(address, token), isOpened),
    onStarted: (address, ended) => {
      if (isOpened) openInBrowser(linkOf(address, token))
      void startTurns(address, token, ended)
    },
  })
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

/** Returns the address that logs a browser in. A browser sends the part after # to no server. */
const linkOf = (address: string, token: string): string => `${address}/#token=${token}`

const demoConfig = (dataDir: string, baseURL: string, apiKey: string): ServeConfig => ({
  ...demoFleet(dataDir, baseURL, apiKey),
  agents: [
    { id: 'alice', labels: { about: 'streams answers, one after another' } },
    {
      id: 'bob',
      onPermission: 'ask',
      config: { permission: { bash: 'ask' } },
      requestTimeoutMs,
      labels: { about: 'asks for a permission first' },
    },
    { id: 'carol', labels: { about: 'waits to be asked' } },
  ],
})

const introduction = (link: string, isOpened: boolean): string[] => [
  '',
  isOpened ? 'Your browser opens the view. If it does not, open' : 'Open the view in a browser',
  `  ${link}`,
  'The link logs you in. It is valid until the demo ends.',
  '',
  '  alice  streams answers, one after another',
  '  bob    asks for a permission: answer under Approvals',
  '  carol  waits: ask her something on her page',
  '',
  'The model is a script, opencode is real. Ctrl-C ends everything and removes the folder.',
]
