// nats-server for a bench: the one of OPENCODE_RUNTIME_NATS_SERVER, of PATH, or the one that `npm run test:cluster` has
// fetched.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import getPort from 'get-port'

const fetched = fileURLToPath(
  new URL('../../node_modules/.cache/opencode-runtime-nats-server', import.meta.url),
)

/** Returns the path of nats-server; `undefined` if this machine has none. */
function natsBinary() {
  const given = process.env['OPENCODE_RUNTIME_NATS_SERVER']
  if (given !== undefined) return given
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const venvs = existsSync(fetched) ? readdirSync(fetched).map((name) => join(fetched, name, 'bin')) : []
  return [...folders, ...venvs].map((folder) => join(folder, 'nats-server')).find((file) => existsSync(file))
}

/** Starts a server with a folder of its own; returns `undefined` if this machine has none. */
export async function startNats() {
  const binary = natsBinary()
  if (binary === undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'opencode-runtime-bench-nats-'))
  const port = await getPort({ host: '127.0.0.1' })
  const child = spawn(binary, ['-js', '-sd', folder, '-a', '127.0.0.1', '-p', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  for await (const line of createInterface({ input: child.stderr })) if (line.includes('is ready')) break
  child.stderr.resume()
  const stop = async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
    rmSync(folder, { recursive: true, force: true })
  }
  return { servers: `127.0.0.1:${port}`, stop }
}
