import { expect, it } from 'vitest'
import { axeFaults, describeBrowser, openView, takePictures, type Page } from './view.ts'

const keysOf = (page: Page) =>
  page
    .locator('[data-usage-key]')
    .evaluateAll((rows) => rows.map((row) => row.getAttribute('data-usage-key')))

describeBrowser('the usage', () => {
  it('is summed up by agent, tenant, model and day, and grows when a turn ends', async () => {
    const agents = [
      { id: 'a1', tenant: 'red' },
      { id: 'a2', tenant: 'blue' },
      { id: 'a3', tenant: 'blue' },
    ]
    const { page, client } = await openView({ agents, path: '/usage' })
    await page.getByText('No turn in this time').waitFor()
    const run = (agent: string) =>
      client.call('POST', `/v1/agents/${agent}/turns?wait=true`, { text: 'echo:hello' })
    await run('a1')
    await page.locator('[data-usage-key=a1]').waitFor()
    for (const agent of ['a2', 'a2', 'a3']) await run(agent)
    await page.reload()
    await page.locator('[data-usage-key=a2]').waitFor()
    const turnsOf = (key: string) => page.locator(`[data-usage-key="${key}"] td.column-turns`).innerText()
    expect(await Promise.all(['a1', 'a2', 'a3'].map(turnsOf))).toEqual(['1', '2', '1'])
    expect(await page.locator('tfoot .column-turns').innerText()).toBe('4')
    await page.getByRole('radio', { name: 'Tenant' }).check({ force: true })
    await page.waitForURL('**/usage?by=tenant')
    await page.locator('[data-usage-key=blue]').waitFor()
    expect(await turnsOf('blue')).toBe('3')
    await page.getByRole('button', { name: 'Turns' }).click()
    await page.waitForURL('**/usage?by=tenant&sort=-turns')
    expect(await keysOf(page)).toEqual(['blue', 'red'])
    await page.reload()
    await page.locator('[data-usage-key=blue]').waitFor()
    expect(await page.getByRole('radio', { name: 'Tenant' }).isChecked()).toBe(true)
    await page.getByRole('radio', { name: 'Day', exact: true }).check({ force: true })
    await page.locator(`[data-usage-key="${new Date().toISOString().slice(0, 10)}"]`).waitFor()
    await page.getByRole('radio', { name: 'Agent', exact: true }).check({ force: true })
    await page.locator('[data-usage-key=a1]').waitFor()
    await takePictures(page, 'usage')
    expect(await axeFaults(page)).toEqual([])
    await page.setViewportSize({ width: 360, height: 740 })
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
  })
})
