import { readFileSync } from 'node:fs'
import { execa } from 'execa'
import { beforeAll, expect, it } from 'vitest'
import { buildCli } from '../support/built-cli.ts'
import { serveStage } from '../support/serve.ts'

let cli: string

beforeAll(async () => {
  cli = await buildCli()
}, 240_000)

const page = readFileSync(new URL('../../examples/curl.md', import.meta.url), 'utf8')
const lines = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, block = '']) =>
  block.trim().split('\n'),
)

/** Variables that later lines name, as the answers show them. */
const learned: [name: string, pattern: RegExp][] = [
  ['TURN', /"turn_id":"([^"]+)"/],
  ['SESSION', /"session_id":"(ses[^"]+)"/],
  ['REQUEST', /"request":\{[^{}]*"id":"([^"]+)"/],
]

it.runIf(process.platform === 'linux')(
  'every line of examples/curl.md works, and no route is left out',
  async () => {
    const stage = await serveStage(cli)
    stage.write({ agents: [{ id: 'alice' }] })
    const daemon = await stage.serve()
    const { stdout: token } = await stage.run('token', 'create', '--data-dir', stage.dataDir)
    const env: Record<string, string> = { URL: daemon.url, TOKEN: token }
    for (const line of lines) {
      // A stream of events does not end, and curl tells that with 28.
      const isEndless = line.includes('/v1/events')
      const limited = line.replace('curl ', `curl --max-time ${isEndless ? 2 : 30} `)
      const run = () => execa('bash', ['-c', limited], { cwd: stage.folder, env, reject: false })
      const { stdout, stderr, exitCode } = await run()
      expect.soft({ line, exitCode, stderr: isEndless ? '' : stderr }).toEqual({
        line,
        exitCode: isEndless ? 28 : 0,
        stderr: '',
      })
      for (const [name, pattern] of learned) env[name] = pattern.exec(stdout)?.[1] ?? env[name] ?? ''
      if (line.includes('permission tool'))
        await expect
          .poll(async () => (await (await daemon.fetch('/v1/requests', { token })).text()).length)
          .toBeGreaterThan(40)
    }
    const answer = await daemon.fetch('/v1/openapi.json', { token })
    const { paths } = (await answer.json()) as { paths: Record<string, Record<string, unknown>> }
    const routes = Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => ({ path, method })),
    )
    const shown = lines.map((line) => {
      const path = /\$URL([^"?]*)/.exec(line)?.[1] ?? ''
      return { path, method: /-X (\w+)/.exec(line)?.[1] ?? (line.includes('--json') ? 'POST' : 'GET') }
    })
    const isShown = ({ path, method }: { path: string; method: string }): boolean => {
      const pattern = new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`)
      return shown.some((each) => pattern.test(each.path) && each.method.toLowerCase() === method)
    }
    expect(routes.filter((route) => !isShown(route))).toEqual([])
    expect(routes.length).toBeGreaterThan(20)
  },
  180_000,
)
