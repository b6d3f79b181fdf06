import { describe, expect, it, onTestFinished } from 'vitest'
import { keptSpecs } from '../../src/api/fleet/internals.ts'
import { callerOf } from '../../src/cluster/client/connect-cluster.ts'
import { MemoryCluster } from '../../src/cluster/store/memory/memory-store.ts'
import { AssembledGateway } from '../../src/gateway/gateway.ts'
import { openGatewayLog } from '../../src/gateway/open-log.ts'
import type { PartMaker } from '../../src/gateway/part.ts'
import { parts } from '../../src/gateway/parts.ts'
import { fakeFleet } from '../support/fleet.ts'
import { fakeGateway, GatewayClient, listen, testToken } from '../support/gateway.ts'

/** Serves a fleet as a host of a cluster that two hosts have joined. */
async function clusterGateway() {
  const cluster = new MemoryCluster()
  for (const [id, used] of [
    ['h1', 2],
    ['h2', 5],
  ] as const)
    cluster.hosts.change(
      id,
      { incarnation: `${id}-run`, beat: 1, state: 'up', max: 16, used, opencode: '' },
      0,
    )
  const place = { epoch: 1, incarnation: 'h1-run', last: null }
  cluster.places.change('acme.a1', { ...place, hostId: 'h1' }, 0)
  cluster.places.change('blue.b1', { ...place, hostId: null }, 0)
  const handle = await callerOf(cluster.connect())
  const all = testToken(['read', 'turn', 'approve', 'admin'])
  const acme = testToken(['read', 'admin'], { tenant: 'acme' })
  const { fleet } = await fakeFleet()
  const inCluster =
    (make: PartMaker): PartMaker =>
    (context, others) =>
      make(Object.assign(context, { cluster: { handle, host: undefined } }), others)
  const tokens = [all.record, acme.record]
  const makers = { log: openGatewayLog, parts: parts.map(inCluster) }
  const gateway = new AssembledGateway({ fleet, tokens }, makers)
  const { url, close } = await listen(gateway)
  onTestFinished(async () => {
    await gateway.close()
    await close()
    await handle.close()
  })
  await gateway.ready
  const client = new GatewayClient(url, all.token)
  return { cluster, fleet, client, ofAcme: client.as(acme.token) }
}

describe('The cluster of a gateway', () => {
  it('shows its hosts, and where each agent lives, as far as the token may see', async () => {
    const { client, ofAcme } = await clusterGateway()
    expect((await client.call('GET', '/v1/cluster')).body).toEqual({
      at: expect.any(Number) as number,
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
      ...['proxy.api_key', 'agents[1].proxy.api_key', 'config.provider.x.apiKey'],
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
})
