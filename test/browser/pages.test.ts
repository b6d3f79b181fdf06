import { expect, it } from 'vitest'
import type { FakeRule } from '../../src/testing/index.ts'
import { axeFaults, describeBrowser, openView, takePictures, type GatewayClient, type Page } from './view.ts'

/** Script of the agents: an answer with Markdown after a tool, and an answer that goes on for the whole test. */
const script: FakeRule[] = [
  {
    match: 'report',
    reply: [
      {
        reasoning: ['They want a report. ', 'I look at the sources first.'],
        toolCalls: [{ name: 'bash', args: { command: 'npm test', description: 'Runs the tests' } }],
        usage: { inputTokens: 4_200, outputTokens: 90, reasoningTokens: 60 },
      },
      {
        text: '## Report\n\nAll **214** tests pass.\n\n| part | tests |\n| --- | ---: |\n| api | 120 |\n| ui | 94 |\n\n```ts\nexport const ok = true\n```\n',
        usage: { inputTokens: 4_400, outputTokens: 420, cachedTokens: 4_200 },
      },
    ],
  },
  {
    match: 'compile',
    reply: {
      text: Array.from({ length: 4_000 }, (_, i) => `Module ${i + 1} is compiled. `),
      chunkDelayMs: 100,
    },
  },
  { match: 'fail', reply: { error: { status: 401, message: 'The key is wrong' } } },
]

const agents = [
  { id: 'alice', tenant: 'research' },
  { id: 'bob', tenant: 'research' },
  { id: 'carol', tenant: 'support' },
  { id: 'dave', tenant: 'support' },
  { id: 'erin', tenant: 'support' },
]

/** Brings the fleet into a state of which each page shows something. Returns the paths of the pages. */
async function populate(client: GatewayClient): Promise<Record<string, string>> {
  const start = async (agent: string, body: object, query = '') =>
    (await client.call('POST', `/v1/agents/${agent}/turns${query}`, body)).headers.get('turn-id') ?? ''
  const done = await start('alice', { text: 'Write the report' }, '?wait=true')
  await start('dave', { text: 'fail' }, '?wait=true')
  await start('bob', { text: 'permission tool', on_permission: 'ask' })
  await start('carol', { text: 'compile' })
  const requests = async () => (await client.call('GET', '/v1/requests')).text
  await expect.poll(requests, { timeout: 10_000 }).toContain('"permission"')
  return {
    fleet: '/',
    approvals: '/approvals',
    agent: '/agents/alice',
    turn: `/turns/${done}`,
    usage: '/usage',
  }
}

/** Waits until a page shows its data. */
async function settle(page: Page): Promise<void> {
  await page.getByText('Live', { exact: true }).waitFor({ state: 'attached' })
  await page.getByRole('heading', { level: 1 }).waitFor()
  await expect.poll(() => page.locator('.skeleton').count()).toBe(0)
}

describeBrowser('every page', () => {
  it('has no fault that axe finds, and no sideways scroll, in light and dark, from 360 px to 4K', async () => {
    const { page, client } = await openView({ agents, fleet: { script } })
    const faults: Record<string, unknown> = {}
    for (const [name, path] of Object.entries(await populate(client))) {
      await page.goto(path)
      await settle(page)
      await takePictures(page, `page-${name}`)
      for (const width of [360, 1_440, 3_840])
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.setViewportSize({ width, height: 900 })
          await page.emulateMedia({ colorScheme })
          // A page as wide as 4K has the same parts as a wide one.
          const found = width === 3_840 ? [] : await axeFaults(page)
          const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
          if (found.length > 0 || beyond > 0) faults[`${name} ${width} ${colorScheme}`] = { found, beyond }
        }
    }
    expect(faults).toEqual({})
  }, 120_000)
})
