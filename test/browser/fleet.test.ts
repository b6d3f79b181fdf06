import { expect, it } from 'vitest'
import type { Page } from 'playwright-core'
import { axeFaults, describeBrowser, openView, takePictures } from './view.ts'

/** Agents of two tenants, of which the first waits for an answer if its turn asks. */
const manyAgents = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    id: `agent-${String(i).padStart(4, '0')}`,
    tenant: i % 10 === 0 ? 'red' : 'blue',
  }))

const rowsOf = (page: Page) => page.locator('[data-agent-id]')
const idsOf = (page: Page) =>
  rowsOf(page).evaluateAll((rows) => rows.map((row) => row.getAttribute('data-agent-id')))
const firstId = async (page: Page) => (await idsOf(page))[0]

describeBrowser('the table of agents', () => {
  it('has a thousand agents, of which a few are in the page', async () => {
    const { page } = await openView({ agents: manyAgents(1_000) })
    await rowsOf(page).first().waitFor()
    const table = page.getByRole('table', { name: 'Agents' })
    expect(await table.getAttribute('aria-rowcount')).toBe('1001')
    expect(await rowsOf(page).count()).toBeLessThan(60)
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight))
    const last = page.locator('[data-agent-id=agent-0999]')
    await last.waitFor()
    expect(await last.getAttribute('aria-rowindex')).toBe('1001')
    expect(await rowsOf(page).count()).toBeLessThan(60)
    expect(await page.locator('[data-agent-id=agent-0000]').count()).toBe(0)
    await page.getByRole('searchbox').fill('0042')
    await page.waitForURL('**/?q=0042')
    expect(await idsOf(page)).toEqual(['agent-0042'])
    await page.getByText('1 of 1,000 agents').waitFor()
    await page.getByRole('searchbox').fill('red')
    await page.getByText('100 of 1,000 agents').waitFor()
    await page.getByRole('columnheader', { name: 'Agent' }).getByRole('button').click()
    await page.getByRole('columnheader', { name: 'Agent' }).getByRole('button').click()
    await page.waitForURL('**/?q=red&sort=-id')
    expect(await firstId(page)).toBe('agent-0990')
    await page.reload()
    await rowsOf(page).first().waitFor()
    expect(await firstId(page)).toBe('agent-0990')
    const agentHead = page.getByRole('columnheader', { name: 'Agent' })
    expect(await agentHead.getAttribute('aria-sort')).toBe('descending')
  })

  it('follows the agents, shows first those that need attention, and is accessible', async () => {
    const agents = ['a1', 'a2', 'a3'].map((id) => ({ id }))
    const { page, client } = await openView({ agents })
    await rowsOf(page).nth(2).waitFor()
    expect(await idsOf(page)).toEqual(['a1', 'a2', 'a3'])
    const body = { text: 'permission', on_permission: 'ask' }
    await client.call('POST', '/v1/agents/a3/turns', body)
    const row = page.locator('[data-agent-id=a3]')
    await row.locator('[data-state=healthy]').waitFor()
    await row.getByText('1 running').waitFor()
    await row.getByText('1 open').waitFor()
    await page.waitForFunction(() => document.querySelector('[data-agent-id]')?.matches('[data-agent-id=a3]'))
    await page.getByRole('group', { name: 'Places' }).getByText('servers that run').waitFor()
    await page.getByRole('searchbox').fill('idle')
    await page.waitForURL('**/?q=idle')
    expect(await idsOf(page)).toEqual(['a1', 'a2'])
    await page.getByRole('searchbox').fill('')
    await row.waitFor()
    await takePictures(page, 'fleet')
    expect(await axeFaults(page)).toEqual([])
    await page.setViewportSize({ width: 360, height: 740 })
    expect(await axeFaults(page)).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
    await row.getByRole('link', { name: 'a3' }).click()
    await page.waitForURL('**/agents/a3')
  })
})
