import { createHash, randomBytes } from 'node:crypto'
import { serve, type ServerType } from '@hono/node-server'
import { Validator, type Schema } from '@cfworker/json-schema'
import { expect, onTestFinished } from 'vitest'
import {
  createGateway,
  type Gateway,
  type GatewayOptions,
  type TokenRecord,
} from '../../src/gateway/index.ts'
import { agentsOf } from '../../src/gateway/cluster/cluster-agents.ts'
import type { AgentSource } from '../../src/gateway/events/agent-source.ts'
import type { GatewayCluster } from '../../src/gateway/context.ts'
import { AssembledGateway } from '../../src/gateway/gateway.ts'
import { openGatewayLog } from '../../src/gateway/open-log.ts'
import type { PartMaker } from '../../src/gateway/part.ts'
import { parts } from '../../src/gateway/parts.ts'
import type { Fleet } from '../../src/index.ts'
import { fakeFleet } from './fleet.ts'

/** Token of a test, and its record. */
export interface TestToken {
  token: string
  record: TokenRecord
}

/** Makes a token with scopes. */
export function testToken(scopes: TokenRecord['scopes'], more: Partial<TokenRecord> = {}): TestToken {
  const token = `ocr_${randomBytes(24).toString('base64url')}`
  const hash = `sha256:${createHash('sha256').update(token).digest('hex')}`
  return { token, record: { id: randomBytes(4).toString('hex'), hash, scopes, ...more } }
}

/** Options of {@link fakeGateway}. */
export interface FakeGatewayOptions {
  fleet?: Parameters<typeof fakeFleet>[0]
  gateway?: Omit<GatewayOptions, 'fleet'>
  /** Cluster of the gateway, whose turns run on the gateway's own fleet. */
  cluster?: GatewayCluster
  /** Makes the fleet a host of a cluster, whose hosts run the turns. */
  join?: (fleet: Fleet) => Promise<Pick<GatewayOptions, 'cluster' | 'host'>>
}

/** Serves a fleet on a fake opencode over loopback. All is closed when the test finishes. */
export async function fakeGateway({
  fleet: fleetOptions = {},
  gateway: options = {},
  cluster,
  join,
}: FakeGatewayOptions = {}) {
  const all = testToken(['read', 'turn', 'approve', 'admin'])
  const made = await fakeFleet(fleetOptions)
  const given = {
    fleet: made.fleet,
    ...(await join?.(made.fleet)),
    ...options,
    tokens: [all.record, ...(options.tokens ?? [])],
  }
  const gateway = cluster ? inCluster(given, cluster) : createGateway(given)
  const { url, close } = await listen(gateway)
  onTestFinished(async () => {
    await gateway.close()
    await close()
  })
  await gateway.ready
  return { ...made, gateway, url, all, client: new GatewayClient(url, all.token) }
}

/** Returns a gateway of a cluster, without NATS. */
function inCluster(options: GatewayOptions, cluster: GatewayCluster): Gateway {
  let agents: AgentSource | undefined
  const makers = parts.map((make): PartMaker => (context, others) => {
    agents ??= agentsOf(context.fleet, cluster, context.turns.requests, context.closed)
    return make(Object.assign(context, { cluster, agents }), others)
  })
  return new AssembledGateway(options, { log: openGatewayLog, parts: makers })
}

/** Serves a gateway on a free port of loopback. */
export async function listen(gateway: Gateway): Promise<{ url: string; close: () => Promise<void> }> {
  let server: ServerType | undefined
  const port = await new Promise<number>((resolve) => {
    // As the daemon does.
    const asDaemon = { overrideGlobalObjects: false }
    server = serve({ ...asDaemon, fetch: gateway.fetch, hostname: '127.0.0.1', port: 0 }, (info) =>
      resolve(info.port),
    )
  })
  const close = () => new Promise<void>((resolve) => void server?.close(() => resolve()))
  return { url: `http://127.0.0.1:${port}`, close }
}

/** Operation in the OpenAPI document. */
interface Operation {
  operationId: string
  security: readonly Record<string, readonly string[]>[]
  requestBody?: unknown
  responses: Record<string, { $ref?: string; content?: Record<string, { schema: Schema }> }>
}

/** OpenAPI document of a gateway. */
export interface Document {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema>; responses: Operation['responses'] }
}

/** Client of a gateway that compares every answer with the OpenAPI document. */
export class GatewayClient {
  readonly url: string
  readonly token: string | undefined
  #document: Promise<Document> | undefined

  constructor(url: string, token: string | undefined) {
    this.url = url
    this.token = token
  }

  /** Returns the same client with another token. */
  as(token: string | undefined): GatewayClient {
    const other = new GatewayClient(this.url, token)
    other.#document = this.document()
    return other
  }

  /** Returns the OpenAPI document. */
  document(): Promise<Document> {
    return (this.#document ??= this.#send('GET', '/v1/openapi.json').then(
      (answer) => answer.json() as Promise<Document>,
    ))
  }

  /** Sends a request, and asserts that the answer is as the document says. */
  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const answer = await this.#send(method, path, body, headers)
    const text = await answer.text()
    const type = answer.headers.get('content-type') ?? ''
    const value: unknown = /json/.test(type) && text !== '' ? JSON.parse(text) : text
    if (![404, 405].includes(answer.status)) await this.#compare(method, path, answer.status, type, value)
    return { status: answer.status, headers: answer.headers, body: value as never, text }
  }

  #send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    return fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
  }

  async #compare(method: string, path: string, status: number, type: string, value: unknown): Promise<void> {
    const document = await this.document()
    const operation = operationAt(document, method, path)
    const declared = operation?.responses[status]
    expect(declared, `${method} ${path} answers ${status}, which the document lacks`).toBeDefined()
    const { $ref } = declared ?? {}
    const answer = $ref ? document.components.responses[$ref.split('/').at(-1) ?? ''] : declared
    const media = type.split(';')[0] ?? ''
    expect(Object.keys(answer?.content ?? { '': 0 })).toContain(media)
    const schema = answer?.content?.[media]?.schema
    if (!schema || !media.endsWith('json')) return
    const { components } = document
    const result = new Validator({ ...schema, components }, '2020-12').validate(value)
    expect(result.errors, `${method} ${path}: ${JSON.stringify(value)}`).toEqual([])
  }
}

/** Returns what the document says of a method of a path. */
function operationAt({ paths }: Document, method: string, path: string): Operation | undefined {
  const plain = path.split('?')[0] ?? ''
  const template = Object.keys(paths).find((each) =>
    new RegExp(`^${each.replace(/\{\w+\}/g, '[^/]+')}$`).test(plain),
  )
  return template === undefined ? undefined : paths[template]?.[method.toLowerCase()]
}
