import { beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { fakeOpenCode, type FakeRule } from '../../src/testing/index.ts'
import { buildPackage } from '../support/built-cli.ts'
import { GatewayClient } from '../support/gateway.ts'
import { gatewayHosts } from '../support/gateway-host.ts'
import { tempHome } from '../support/home.ts'
import { cuttingProxy } from './cutting-proxy.ts'
import { describeBrowser, expectFault, openPage, openView, type Page } from './view.ts'

const words = Array.from({ length: 150 }, (_, i) => `w${i + 1}`)

/** Script that counts in words, for 4.5 s. */
const counting: FakeRule[] = [
  { match: 'count', reply: { text: words.map((word) => `${word} `), chunkDelayMs: 30 } },
]

/** Returns the counted words that a page shows, in the order in which it shows them. */
const shown = async (page: Page): Promise<string[]> =>
  (await page.locator('main').innerText()).match(/\bw\d+\b/g) ?? []

const titleOf = (page: Page, text: RegExp): Promise<unknown> =>
  page.waitForFunction((source) => new RegExp(source).test(document.title), text.source)

async function startTurn(client: GatewayClient, agent: string, body: object): Promise<string> {
  const { body: turn } = await client.call('POST', `/v1/agents/${agent}/turns`, body)
  return (turn as { turn_id: string }).turn_id
}

describeBrowser('the live view', () => {
  let dist: string
  beforeAll(async () => {
    dist = await buildPackage()
  }, 240_000)

  it('reads one stream for all tabs of a browser, and each of them shows what happens', async () => {
    const { page, client } = await openView()
    const tabs = [page, await page.context().newPage(), await page.context().newPage()]
    for (const tab of tabs.slice(1)) await tab.goto('/')
    for (const tab of tabs) await tab.getByText('Live', { exact: true }).waitFor()
    const { text } = await client.call('GET', '/metrics')
    expect(/route="readEvents",status="200"\} (\d+)/.exec(text)?.[1]).toBe('1')
    await startTurn(client, 'a1', { text: 'permission tool', on_permission: 'ask' })
    for (const tab of tabs) await titleOf(tab, /^\(1\) /)
    // A tab that comes later gets what the others know.
    const later = await page.context().newPage()
    await later.goto('/')
    await titleOf(later, /^\(1\) /)
  })

  it('shows each word of a turn once, in order, however often the connection is cut', async () => {
    const view = await openView({ fleet: { script: counting }, token: null })
    expectFault(view.page, /./)
    const proxy = await cuttingProxy(view.url)
    const turn = await startTurn(view.client, 'a1', { text: 'count' })
    const page = await openPage(proxy.url, { token: view.all.token, path: `/turns/${turn}` })
    expectFault(page, /ERR_|Failed to load/)
    for (const word of ['w5', 'w40', 'w80', 'w120']) {
      await page
        .getByText(new RegExp(`\\b${word}\\b`))
        .first()
        .waitFor()
      proxy.cut()
    }
    await vi.waitFor(async () => expect((await shown(page)).length).toBe(words.length), { timeout: 15_000 })
    expect(await shown(page)).toEqual(words)
  })

  it('goes on after the gateway was killed: no word of a turn is missing or doubled, and no request stays', async () => {
    const fake = await fakeOpenCode({}, { script: counting })
    onTestFinished(() => fake.stop())
    const hosts = gatewayHosts(dist, fake, tempHome())
    const first = await hosts.start()
    const client = new GatewayClient(first.url, hosts.token)
    await startTurn(client, 'a1', { text: 'permission tool', on_permission: 'ask' })
    const turn = await startTurn(client, 'a2', { text: 'count' })
    const page = await openPage(first.url, { token: hosts.token, path: `/turns/${turn}` })
    expectFault(page, /ERR_|Failed to load/)
    await titleOf(page, /^\(1\) /)
    await page
      .getByText(/\bw20\b/)
      .first()
      .waitFor()
    await first.die()
    await page.getByText('Try now').waitFor()
    expect((await shown(page)).length).toBeGreaterThan(19)

    await hosts.start(Number(new URL(first.url).port))
    await page.getByText('Live', { exact: true }).waitFor()
    await titleOf(page, /^(?!\()/)
    const headers = { accept: 'text/event-stream' }
    const { text } = await client.call('GET', `/v1/turns/${turn}/replies`, undefined, headers)
    const stored = [...text.matchAll(/"kind":"delta".*?"content":"([^"]*)"/g)]
      .map(([, part]) => part)
      .join('')
    await page
      .getByText(/server.died/i)
      .first()
      .waitFor()
    expect(await shown(page)).toEqual(stored.match(/\bw\d+\b/g))

    await startTurn(client, 'a1', { text: 'permission tool', on_permission: 'ask' })
    await titleOf(page, /^\(1\) /)
  }, 60_000)
})
