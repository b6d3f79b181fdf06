/** Subjects that a user of NATS may publish to, and subscribe to. */
export interface Permissions {
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
}

/** Services and streams that the account of a cluster shares with the account of one tenant. */
export interface TenantSubjects {
  /** Subjects at which the tenant sends: messages for its agents, parts of large turns, and questions to the hosts. */
  readonly services: readonly string[]
  /** Subjects at which the tenant receives: the records of its turns, as they are stored. */
  readonly streams: readonly string[]
}

/** Returns the subjects of a tenant. No subject of JetStream is among them. */
export function tenantSubjects(cluster: string, tenant: string): TenantSubjects {
  const at = (room: string, rest: string): string => `oc.${cluster}.${room}.${tenant}.${rest}`
  return {
    services: [at('in', '*.turn'), at('in', '*.ctl.*'), at('at', '*.*.*'), at('ask', '*')],
    streams: [at('live', '>')],
  }
}

/** Returns what a user of a tenant may do in the tenant's account. */
export function tenantPermissions(cluster: string, tenant: string): Permissions {
  const { services, streams } = tenantSubjects(cluster, tenant)
  return { publish: services, subscribe: ['_INBOX.>', ...streams] }
}

/**
 * Returns what a caller of all tenants may do: send to every agent, read what is stored and what hosts report, and ask a
 * host to drain or to report. It may not write records, owners, leases or homes, may not delete what is stored, and may
 * not report.
 */
export function callerPermissions(cluster: string): Permissions {
  const stream = (name: string): string => `OC_${cluster}_${name}`
  const read = [
    stream('REPLIES'),
    ...['AGENTS', 'HOSTS', 'PLACES', 'HOMES', 'WISHES', 'QUOTAS', 'TURNS', 'REQUESTS'].map(
      (name) => `KV_${stream(name)}`,
    ),
  ]
  return {
    publish: [
      ...['in.*.*.turn', 'in.*.*.ctl.*', 'at.*.*.*.*', 'ev-ask.all'].map((rest) => `oc.${cluster}.${rest}`),
      `$KV.${stream('WISHES')}.*`,
      // Notes of the turns that gateways have taken.
      `$KV.${stream('TURNS')}.*`,
      '$JS.API.INFO',
      ...read.flatMap(readingOf),
    ],
    subscribe: ['_INBOX.>', `oc.${cluster}.live.>`, `oc.${cluster}.ev.*`],
  }
}

/** Returns the subjects of JetStream that read a stream. */
const readingOf = (stream: string): string[] => [
  `$JS.API.STREAM.INFO.${stream}`,
  `$JS.API.STREAM.MSG.GET.${stream}`,
  `$JS.API.DIRECT.GET.${stream}`,
  `$JS.API.DIRECT.GET.${stream}.>`,
  `$JS.API.CONSUMER.CREATE.${stream}.>`,
  `$JS.API.CONSUMER.INFO.${stream}.*`,
  `$JS.API.CONSUMER.DELETE.${stream}.*`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.*`,
  `$JS.FC.${stream}.>`,
]
