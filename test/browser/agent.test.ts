import { kill } from 'node:process'
import { expect, it } from 'vitest'
import type { Locator } from 'playwright-core'
import { axeFaults, describeBrowser, expectFault, openView, takePictures, type Page } from './view.ts'

/** Returns the states that the chart shows as the present one; more than one is a fault. */
const present = (page: Page): Locator => page.locator('[data-state][aria-current="true"]')

/** Waits until the chart shows a state. */
const showsState = (page: Page, state: string): Promise<void> =>
  page.locator(`[data-state="${state}"][aria-current="true"]`).waitFor()

const timeLine = (page: Page): Locator => page.getByRole('list', { name: 'Time line' })

describeBrowser('the page of an agent', () => {
  it('lights the present state, and tells in words how the server came there, also what was before the page', async () => {
    const { page, fleet, client } = await openView({ agents: [{ id: 'a1', labels: { team: 'web' } }] })
    await client.call('POST', '/v1/agents/a1/turns?wait=true', { text: 'hello' })
    await page.goto('/agents/a1')
    await showsState(page, 'healthy')
    expect(await present(page).count()).toBe(1)
    await timeLine(page).getByText('Prepares a start, because a turn or a caller needs it').waitFor()
    await page.getByText('team=web').waitFor()
    await page.getByRole('link', { name: /^[0-9a-f-]{8,}/ }).waitFor()

    await fleet.agent('a1').stop()
    await showsState(page, 'idle')
    await timeLine(page).getByText('No process runs, because a stop was requested').waitFor()
    expect(await page.locator('.statechart-arrow[data-recency]').count()).toBe(3)
    expect(await axeFaults(page)).toEqual([])
  })

  it('explains a restart, with the error and what to do', async () => {
    const script = [{ match: 'wait', reply: { hang: true } }] as const
    const agents = [{ id: 'a1', maxRunningTurns: 1 }]
    const { page, client } = await openView({ agents, fleet: { script }, path: '/agents/a1' })
    // The second turn waits, so that the server is needed again.
    for (const text of ['wait', 'hello']) await client.call('POST', '/v1/agents/a1/turns', { text })
    await showsState(page, 'healthy')
    await page.getByText('1 of 1 running, 1 waiting').waitFor()
    const pid = await page.getByText(/^pid \d+$/).textContent()
    kill(Number(pid?.replace('pid ', '')), 'SIGKILL')
    await timeLine(page).getByText('Restarts, because its process ended by itself').waitFor()
    await timeLine(page).getByText('SIGKILL').first().waitFor()
    await timeLine(page).getByText('The log shows the last lines of the process.').first().waitFor()
    await showsState(page, 'healthy')
    await page
      .getByRole('region', { name: 'Last lines of the log' })
      .getByText('listening on')
      .first()
      .waitFor()
    await page.getByText('server died').waitFor()
    await takePictures(page, 'agent')
  })

  it('shows long names whole on a phone, and characters of an error that cannot be seen', async () => {
    const long = 'x'.repeat(60)
    const labels = { note: `${long}${long}`, mark: 'a\u202eb' }
    const agents = [{ id: long, tenant: long, labels, binary: '/none/\u202efdp' }, { id: 'a1' }]
    const { page, client } = await openView({ agents, path: `/agents/${long}`, width: 360, height: 740 })
    const beyond = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    await client.call('POST', `/v1/agents/${long}/start`)
    await page.getByRole('region', { name: 'Error' }).getByText('U+202E').waitFor()
    await page.locator('.agent-label').getByText('U+202E').waitFor()
    expect(await page.locator('main').innerText()).not.toContain('\u202e')
    expect(await beyond()).toBeLessThanOrEqual(0)
    await page.getByRole('link', { name: 'Agents', exact: true }).click()
    await page.locator('.column-error').getByText('U+202E').waitFor()
    expect(await beyond()).toBeLessThanOrEqual(0)
  })

  it('starts a server, and asks before it stops one whose turns run', async () => {
    const script = [{ match: 'wait', reply: { hang: true } }] as const
    const { page, client } = await openView({ fleet: { script }, path: '/agents/a1' })
    await page.getByRole('button', { name: 'Start' }).click()
    await showsState(page, 'healthy')
    const { body } = await client.call('POST', '/v1/agents/a1/turns', { text: 'wait' })
    const { turn_id: turnId } = body as { turn_id: string }
    await page.locator(`[data-turn-id="${turnId}"]`).getByText('Running').waitFor()

    const stop = page.getByRole('button', { name: 'Stop', exact: true })
    await stop.click()
    const dialog = page.getByRole('dialog', { name: 'Stop a1?' })
    await dialog.getByText('1 turn is running').waitFor()
    expect(await axeFaults(page)).toEqual([])
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'hidden' })
    await showsState(page, 'healthy')

    await stop.click()
    await dialog.getByLabel('Stop at once').check()
    await dialog.getByRole('button', { name: 'Stop the agent' }).click()
    await showsState(page, 'idle')
    await page.locator(`[data-turn-id="${turnId}"]`).getByText('Cancelled').waitFor()
  })

  it('draws the inside of the present state, and of another that is chosen', async () => {
    const { page, fleet } = await openView({ path: '/agents/a1' })
    await fleet.agent('a1').ensureRunning()
    await page.getByRole('heading', { name: 'Inside healthy' }).waitFor()
    await page.locator('[data-state="healthy.stream.reading.listening"]').waitFor()
    await page.getByLabel('Show').selectOption('reaping')
    await page.getByRole('heading', { name: 'Inside reaping' }).waitFor()
    await page.locator('[data-state="reaping.coolingDown"]').waitFor()
    expect(await present(page).count()).toBe(1)
  })

  it('says that there is no such agent', async () => {
    const { page } = await openView()
    expectFault(page, /404/)
    await page.goto('/agents/nobody')
    await page.getByText('No such agent').waitFor()
    expect(await axeFaults(page)).toEqual([])
  })
})
