import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { configFolder } from '../../src/io/opencode/config-file.ts'
import { collect, realServer } from '../support/real.ts'
import { processesOf } from '../support/home.ts'
import { until } from '../support/server-api.ts'

/** Starts an npm registry without packages; returns the names that were requested. */
async function emptyRegistry() {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(decodeURIComponent(request.url ?? ''))
    response.writeHead(404, { 'content-type': 'application/json' }).end('{}')
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((closed) => server.close(closed))
  })
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

const command = { command: 'echo done > proof && cat proof', description: 'leaves a proof' }
const script = [
  { match: 'Say hello', reply: { text: ['Hello'] } },
  { match: 'Run it', reply: [{ toolCalls: [{ name: 'bash', args: command }] }, { text: 'I did.' }] },
]
const plugin = '/@opencode-ai/plugin'
const tool = `export default { description: 'counts', args: {}, execute: async () => 'one' }\n`

describe('a new home', () => {
  it('gets no npm packages until a tool of the user may need them', async () => {
    const registry = await emptyRegistry()
    const { home, model, server, close } = await realServer(script, {
      env: { npm_config_registry: registry.url },
      warmUp: false,
    })
    onTestFinished(close)
    const config = configFolder(home)
    const turn = async () => (await collect(server.turn('Say hello'))).at(-1)
    const toolsOf = (): string[] =>
      model.requests
        .flatMap(({ tools }) => tools.map((offered) => offered.function.name))
        .filter((name) => name === 'count')

    expect(await turn()).toMatchObject({ kind: 'final', content: 'Hello' })
    await until('nothing but the server runs', () => processesOf(home).join() === String(server.pid))
    // A stopped server sends no more requests.
    await server.stop()
    expect(registry.asked).toEqual([])
    expect(readdirSync(join(config, 'node_modules'))).toEqual([])
    expect(existsSync(join(home, '.npm'))).toBe(false)
    expect(toolsOf()).toEqual([])

    mkdirSync(join(config, 'tool'))
    writeFileSync(join(config, 'tool', 'count.ts'), tool)
    expect(await turn()).toMatchObject({ kind: 'final', content: 'Hello' })
    // Opencode waits for the end of the install, also of a failed install, before it loads the tool.
    expect(registry.asked).toContain(plugin)
    expect(existsSync(join(config, 'package-lock.json'))).toBe(false)
    expect(toolsOf()).not.toEqual([])
  })

  it('runs the commands of the agent if SHELL, of the host or the option env, is not a shell', async () => {
    const { home, server, close } = await realServer(script, { env: { SHELL: '/bin/false' }, warmUp: false })
    onTestFinished(close)
    const replies = await collect(server.turn('Run it'))
    expect(replies).toContainEqual(
      expect.objectContaining({ kind: 'tool_result', success: true, result: 'done\n' }),
    )
    expect(existsSync(join(home, 'workspace', 'proof'))).toBe(true)
  })
})
