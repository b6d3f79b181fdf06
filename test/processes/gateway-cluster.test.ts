import { describe, expect, it } from 'vitest'
import { keptSpecs } from '../../src/api/fleet/internals.ts'
import { fakeGateway, testToken } from '../support/gateway.ts'
import { MemoryHosts } from '../support/memory-hosts.ts'

/** Serves a fleet as the host h1 of a cluster with two hosts. */
async function clusterGateway() {
  const hosts = new MemoryHosts()
  hosts.host('h1', { used: 2 })
  hosts.host('h2', { used: 5 })
  hosts.place('acme.a1', 'h1')
  hosts.place('blue.b1', null)
  const acme = testToken(['read', 'admin'], { tenant: 'acme' })
  const cluster = await hosts.connect('h1')
  const { fleet, client } = await fakeGateway({ cluster, gateway: { tokens: [acme.record] } })
  return { hosts, cluster: hosts.store, fleet, client, ofAcme: client.as(acme.token) }
}

describe('The cluster of a gateway', () => {
  it('shows its hosts, and where each agent lives, as far as the token may see', async () => {
    const { client, ofAcme } = await clusterGateway()
    expect((await client.call('GET', '/v1/cluster')).body).toEqual({
      at: expect.any(Number) as number,
      host_id: 'h1',
      hosts: [
        { id: 'h1', state: 'up', max: 16, used: 2 },
        { id: 'h2', state: 'up', max: 16, used: 5 },
      ],
      places: [
        { agent_id: 'a1', tenant: 'acme', host_id: 'h1', epoch: 1 },
        { agent_id: 'b1', tenant: 'blue', host_id: null, epoch: 1 },
      ],
    })
    expect((await ofAcme.call('GET', '/v1/cluster')).body).toMatchObject({
      hosts: [
        { id: 'h1', used: 1 },
        { id: 'h2', used: 0 },
      ],
      places: [{ agent_id: 'a1' }],
    })
  })

  it('is away for /readyz while no host is up, though NATS answers', async () => {
    const { client, cluster } = await clusterGateway()
    expect((await client.call('GET', '/readyz')).status).toBe(200)
    const [first, second] = ['h1', 'h2'].map((id) => cluster.hosts.entry(id))
    cluster.hosts.change('h1', undefined, first?.revision ?? 0)
    expect((await client.call('GET', '/readyz')).status).toBe(200)
    // It takes no agents any more.
    if (second) cluster.hosts.change('h2', { ...second.value, state: 'draining' }, second.revision)
    expect(await client.call('GET', '/readyz')).toMatchObject({
      ...{ status: 503, body: { code: 'ERR_OPENCODE_CLUSTER_UNAVAILABLE' } },
    })
  })

  it('is asked to drain a host by an admin of all agents: the wish is for the present run', async () => {
    const { client, ofAcme, cluster } = await clusterGateway()
    const path = '/v1/cluster/hosts/h2/drain?drain_ms=700'
    expect((await ofAcme.call('POST', path)).status).toBe(403)
    expect(cluster.wishes.entry('h2')).toBeUndefined()
    expect((await client.call('POST', path)).status).toBe(202)
    expect(cluster.wishes.entry('h2')?.value).toMatchObject({ incarnation: 'h2-run', drainMs: 700 })
    const unknown = await client.call('POST', '/v1/cluster/hosts/h9/drain')
    expect(unknown).toMatchObject({ status: 404, body: { code: 'ERR_OPENCODE_UNKNOWN_HOST' } })
    expect(unknown.text).toContain('h1, h2')
  })

  it('has one server of an agent: only the host of the agent starts and stops it', async () => {
    const { client, fleet, hosts } = await clusterGateway()
    await fleet.apply(['a1', 'b1'].map((id) => ({ id, tenant: id === 'a1' ? 'acme' : 'blue' })))
    for (const action of ['start', 'stop'])
      expect(await client.call('POST', `/v1/agents/b1/${action}`)).toMatchObject({
        ...{ status: 409, body: { code: 'ERR_OPENCODE_AGENT_ELSEWHERE' } },
        text: expect.stringContaining(`send a turn first`) as string,
      })
    hosts.place('blue.b1', 'h2')
    const elsewhere = await client.call('POST', '/v1/agents/b1/stop')
    expect([elsewhere.status, elsewhere.text]).toEqual([409, expect.stringContaining('host h2')])
    expect((await client.call('POST', '/v1/agents/a1/stop')).status).toBe(200)
    // The place of an agent's former tenant stays.
    hosts.place('former.c1', 'h2')
    hosts.place('blue.c1', 'h1')
    await fleet.put({ id: 'c1', tenant: 'blue' })
    expect((await client.call('POST', '/v1/agents/c1/stop')).status).toBe(200)
  })

  it('is empty for a fleet of one host, which has no host to drain', async () => {
    const { client } = await fakeGateway()
    expect((await client.call('GET', '/v1/cluster')).body).toMatchObject({ hosts: [], places: [] })
    const drained = await client.call('POST', '/v1/cluster/hosts/h1/drain')
    expect(drained).toMatchObject({ status: 404, body: { code: 'ERR_OPENCODE_UNKNOWN_HOST' } })
  })
})

describe('A spec in a cluster', () => {
  it('with a key is refused, and changes nothing', async () => {
    const { client, fleet } = await clusterGateway()
    const key = { proxy: { api_key: 'sk-secret' } }
    const refusals = [
      await client.call('PUT', '/v1/agents/a1', key),
      await client.call('PUT', '/v1/agents/a1', { config: { credentials: { value: 'sk-secret' } } }),
      await client.call('PUT', '/v1/agents', { agents: [{ id: 'a0' }, { id: 'a1', ...key }] }),
    ]
    expect((await client.call('PUT', '/v1/agents/a1', { labels: { team: 'blue' } })).status).toBe(201)
    refusals.push(
      await client.call('PATCH', '/v1/agents/a1', { config: { provider: { x: { apiKey: 'sk-secret' } } } }),
    )
    for (const { status, body, text } of refusals) {
      expect([status, body]).toMatchObject([422, { code: 'ERR_OPENCODE_KEY_IN_SPEC' }])
      expect(text).not.toContain('sk-secret')
    }
    expect(refusals.map(({ body }) => (body as { field: string }).field)).toEqual([
      ...['proxy.api_key', 'config.credentials.value', 'agents[1].proxy.api_key', 'config.provider.x.apiKey'],
    ])
    expect(keptSpecs(fleet).get('a1')).toEqual({ id: 'a1', labels: { team: 'blue' } })
  })

  it('without a key keeps the keys that the host has', async () => {
    const { client, fleet } = await clusterGateway()
    const own = { proxy: { apiKey: 'sk-own' }, env: { API_KEY: 'own', TZ: 'UTC' } }
    await fleet.put({ id: 'a1', ...own })
    expect((await client.call('PUT', '/v1/agents/a1', { labels: { team: 'blue' } })).status).toBe(200)
    expect(keptSpecs(fleet).get('a1')).toEqual({
      ...{ id: 'a1', labels: { team: 'blue' } },
      ...{ proxy: own.proxy, env: { API_KEY: 'own' } },
    })
  })

  it('of an admin of some agents keeps all that decides what runs on the host', async () => {
    const { fleet, ofAcme } = await clusterGateway()
    const own = { proxy: { apiKey: 'sk-own' }, env: { API_KEY: 'own', TZ: 'UTC' } }
    await fleet.put({ id: 'a1', tenant: 'acme', ...own })
    const put = await ofAcme.call('PUT', '/v1/agents/a1', { labels: { team: 'blue' } })
    expect([put.status, put.text]).toMatchObject([200, expect.any(String) as string])
    const kept = { id: 'a1', tenant: 'acme', labels: { team: 'blue' }, ...own }
    expect(keptSpecs(fleet).get('a1')).toEqual(kept)
  })
})
