import { expect } from 'vitest'
import { createGateway, type Gateway, type TokenRecord } from '../../src/gateway/index.ts'
import { fakeFleet } from '../support/fleet.ts'
import { GatewayClient, testToken } from '../support/gateway.ts'
import { listenFor, routesOf } from '../support/served-gateway.ts'

/**
 * Serves a fleet on a fake opencode, with agents, turns, a session and an open request. All is closed when the test
 * finishes.
 */
export async function seededGateway(tokens: readonly TokenRecord[] = []) {
  const all = testToken(['read', 'turn', 'approve', 'admin'])
  const { fleet } = await fakeFleet({ limits: { maxServers: 4, maxRunningTurns: 8 } })
  await fleet.apply([{ id: 'a1' }, { id: 'a2' }])
  const errors: unknown[] = []
  const gateway = createGateway({ fleet, tokens: [all.record, ...tokens], logger: errorsInto(errors) })
  const url = await listen(gateway)
  await gateway.ready
  const client = new GatewayClient(url, all.token)
  return { url, client, token: all.token, errors, known: await seed(client) }
}

/** Resolves with the ids of the operations that have been answered with success. */
export async function answeredOperations({ client }: { client: GatewayClient }): Promise<string[]> {
  const { text } = await client.call('GET', '/metrics')
  return [...text.matchAll(/route="(\w+)",status="2/g)].flatMap(([, id]) => id ?? [])
}

/** Asserts that each operation has been answered with success, so that a run that reaches nothing fails. */
export async function expectAllAnswered(
  { client }: { client: GatewayClient },
  without: readonly string[],
): Promise<void> {
  const answered = await answeredOperations({ client })
  const operations = routesOf(await client.document()).map(({ id }) => id)
  expect(operations.filter((id) => !without.includes(id) && !answered.includes(id))).toEqual([])
}

/** Returns a logger that keeps the errors. */
function errorsInto(errors: unknown[]) {
  const none = (): void => undefined
  return { debug: none, info: none, warn: none, error: (fields: unknown) => void errors.push(fields) }
}

/** Makes turns that have ended, and a request that stays open. */
async function seed(client: GatewayClient) {
  const start = (body: object, query = '') => client.call('POST', `/v1/agents/a1/turns${query}`, body)
  const ended = await start({ text: 'think tool echo:done' }, '?wait=true')
  const turn = ended.headers.get('turn-id') ?? ''
  const { session_id } = (await client.call('GET', `/v1/turns/${turn}`)).body as { session_id: string }
  await start({ text: 'question', on_question: 'ask' })
  let open: { request: { id: string } }[] = []
  while (open.length === 0)
    open = ((await client.call('GET', '/v1/requests')).body as { items: typeof open }).items
  const failed = await start({ text: 'fail:401' }, '?wait=true')
  return {
    agents: ['a1', 'a2'],
    turns: [turn, failed.headers.get('turn-id') ?? ''],
    sessions: [session_id],
    requests: open.map(({ request }) => request.id),
  }
}

/**
 * Serves a gateway on a free port. Each request comes from another address, because many refused tokens from one address
 * would block the address.
 */
async function listen(gateway: Gateway): Promise<string> {
  let count = 0
  const fetch = (request: Request) => {
    count += 1
    return gateway.fetch(request, {
      address: `10.${(count >> 16) & 255}.${(count >> 8) & 255}.${count & 255}`,
    })
  }
  return `http://127.0.0.1:${await listenFor(gateway, fetch)}`
}
