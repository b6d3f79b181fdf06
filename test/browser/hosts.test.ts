import { expect, it } from 'vitest'
import { GatewayHosts } from '../support/gateways.ts'
import { MemoryHosts } from '../support/memory-hosts.ts'
import { agentStatusOf } from '../support/reports.ts'
import { axeFaults, describeBrowser, openPage, openView, takePictures, type ViewOptions } from './view.ts'

const agents = ['ada', 'bea', 'cleo', 'dan'].map((id) => ({ id, tenant: 'acme' }))

/** Opens the view of the gateway of h1, in a cluster of three hosts. */
async function openCluster(options: ViewOptions = {}) {
  const hosts = new MemoryHosts()
  hosts.host('h1', { used: 2 })
  hosts.host('h2', { used: 16 })
  hosts.host('host-with-a-long-name-3fa9c1b2', { used: 1, state: 'draining' })
  hosts.place('acme.ada', 'h1')
  hosts.place('acme.bea', 'h2')
  hosts.place('acme.cleo', 'host-with-a-long-name-3fa9c1b2')
  hosts.place('acme.dan', null)
  const opened = await openView({ agents, cluster: await hosts.connect('h1'), ...options })
  return { ...opened, hosts }
}

describeBrowser('the hosts of a cluster', () => {
  it('are shown with their use, and the agents with their hosts', async () => {
    const { page, hosts } = await openCluster()
    const host = (id: string) => page.locator(`[data-host-id="${id}"]`)
    await host('h2').getByText('16 of 16 agents').waitFor()
    await host('h1').getByText('Up').waitFor()
    expect(await host('h1').getByRole('meter').getAttribute('aria-valuenow')).toBe('2')
    await host('host-with-a-long-name-3fa9c1b2').getByText('Draining').waitFor()
    expect(await page.getByRole('button', { name: 'Drain' }).count()).toBe(2)
    const row = (id: string) => page.locator(`[data-agent-id=${id}]`)
    await row('ada').getByText('acme on h1').waitFor()
    await row('ada').locator('[data-state=idle]').waitFor()
    await row('bea').getByText('acme on h2').waitFor()
    await row('bea').getByText('Elsewhere').waitFor()
    const turns = { running: 1, queued: 0, max: 16 }
    hosts.report('h2', agentStatusOf('bea', { state: 'healthy', turns, memoryMb: 412 }))
    await row('bea').locator('[data-state=healthy]').waitFor()
    await row('bea').getByText('412 MB').waitFor()
    await page.getByRole('group', { name: 'Memory' }).getByText('412 MB').waitFor()
    await row('cleo').getByText('Elsewhere').waitFor()
    expect(await row('dan').getByText('acme', { exact: true }).count()).toBe(1)
    await page.getByRole('searchbox').fill('h2')
    await page.getByText('1 of 4 agents').waitFor()
    await page.getByRole('searchbox').fill('')
    hosts.host('h1', { used: 3 })
    await host('h1').getByText('3 of 16 agents').waitFor()
    expect(await axeFaults(page)).toEqual([])
    await takePictures(page, 'hosts')
  })

  it('are drained by a button, after a question that says what will happen', async () => {
    const { page, hosts } = await openCluster()
    await page.getByRole('button', { name: 'Drain h2' }).click()
    const dialog = page.getByRole('dialog', { name: 'Drain h2?' })
    await dialog.getByText('16 agents and all waiting turns move').waitFor()
    expect(await axeFaults(page)).toEqual([])
    await takePictures(page, 'hosts-drain')
    await dialog.getByRole('button', { name: 'Keep it running' }).click()
    expect(hosts.store.wishes.entry('h2')).toBeUndefined()
    await page.getByRole('button', { name: 'Drain h2' }).click()
    await dialog.getByLabel('at most 10 minutes').check()
    await dialog.getByRole('button', { name: 'Drain the host' }).click()
    await dialog.waitFor({ state: 'detached' })
    expect(hosts.store.wishes.entry('h2')?.value).toMatchObject({ incarnation: 'h2-run', drainMs: 600_000 })
    hosts.host('h2', { state: 'draining' })
    await page.locator('[data-host-id=h2]').getByText('Draining').waitFor()
    await page.getByRole('button', { name: 'Drain h1' }).click()
    await page.getByText('of which none is up').waitFor()
  })

  it('are named on the page of an agent, which only its own host starts and stops', async () => {
    const { page, open } = await openCluster({ path: '/agents/ada' })
    const fact = (of: typeof page) =>
      of.locator('dt', { hasText: 'Host' }).locator('xpath=following-sibling::dd')
    await page.getByRole('button', { name: 'Start' }).waitFor()
    expect(await fact(page).textContent()).toBe('h1')
    const other = await open({ path: '/agents/bea', width: 360 })
    await fact(other).getByText('h2').waitFor()
    await other.getByText('lives on').waitFor()
    expect(await other.getByRole('button', { name: 'Start' }).count()).toBe(0)
    expect(await axeFaults(other)).toEqual([])
    await takePictures(other, 'hosts-agent')
  })

  it('are shown again when they come back after a moment without any', async () => {
    const { page, hosts } = await openCluster()
    const shown = page.locator('[data-host-id=h1]')
    await shown.waitFor()
    const { store } = hosts
    for (const id of ['h1', 'h2', 'host-with-a-long-name-3fa9c1b2'])
      store.hosts.change(id, undefined, store.hosts.entry(id)?.revision ?? 0)
    await shown.waitFor({ state: 'detached' })
    hosts.host('h1')
    await shown.waitFor()
  })

  it('are not there for a fleet of one host', async () => {
    const { page } = await openView({ agents })
    await page.locator('[data-agent-id=ada]').getByText('acme', { exact: true }).waitFor()
    expect(await page.getByText('Hosts').count()).toBe(0)
    expect(await page.getByRole('button', { name: 'Drain' }).count()).toBe(0)
  })
})

describeBrowser('an agent on another host', () => {
  it('has its state, its turns and its requests live, and is answered from any gateway', async () => {
    const hosts = new GatewayHosts()
    const first = await hosts.start('h1', { agents })
    await first.client.call('POST', '/v1/agents/ada/turns?wait=true', { text: 'echo:hi' })
    const { url, all } = await hosts.start('h2')
    const page = await openPage(url, { token: all.token })
    const row = page.locator('[data-agent-id=ada]')
    await row.getByText('acme on h1').waitFor()
    await row.locator('[data-state=healthy]').waitFor()
    expect(await page.getByText('Elsewhere').count()).toBe(0)
    const other = await openPage(url, { token: all.token, path: '/approvals' })
    const card = other.locator('[data-request-id]')
    expect(await card.count()).toBe(0)

    await first.client.call('POST', '/v1/agents/ada/turns', { text: 'permission', on_permission: 'ask' })
    await card.getByText('ada').first().waitFor()
    await row.locator('.column-requests').getByText('1').waitFor()
    await row.locator('.column-turns').getByText('1').waitFor()
    await takePictures(page, 'hosts-live')
    await takePictures(other, 'hosts-approval')
    await card.getByRole('button', { name: 'Allow once' }).click()
    await card.waitFor({ state: 'detached' })
    await row.locator('.column-requests').getByText('1').waitFor({ state: 'detached' })

    const agent = await openPage(url, { token: all.token, path: '/agents/ada' })
    await agent.getByText('lives on h1').waitFor()
    await agent.locator('dl [data-state=healthy]').waitFor()
    await takePictures(agent, 'hosts-agent-live')
    expect(await axeFaults(agent)).toEqual([])
    await first.client.call('POST', '/v1/agents/ada/stop')
    await agent.locator('dl [data-state=idle]').waitFor()
    await row.locator('[data-state=idle]').waitFor()
  })
})
