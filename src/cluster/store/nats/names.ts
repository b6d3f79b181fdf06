import type { AgentKey } from '../cluster-store.ts'

/** Names of a cluster's streams, buckets and subjects. Tenant, agent, turn and host are one token each. */
export interface Names {
  readonly inbox: string
  readonly replies: string
  readonly agents: string
  readonly hosts: string
  readonly places: string
  readonly wishes: string
  readonly homes: string
  readonly turns: string
  readonly requests: string
  readonly quotas: string
  readonly data: string
  readonly parcels: string
  /** All subjects of the streams `inbox`, `replies` and `parcels`. */
  readonly allMail: string
  readonly allReplies: string
  readonly allParcels: string
  /** Subjects of the turns of all agents. */
  readonly allTurns: string
  /** Subjects at which what was stored is published again. */
  readonly wakes: string
  readonly lives: string
  turn(agent: AgentKey): string
  control(agent: AgentKey, turnId: string): string
  mailOf(agent: AgentKey): string
  reply(agent: AgentKey, turnId: string): string
  /** Subject of a turn's records, whatever its agent is. */
  replyOfAny(turnId: string): string
  /** Subjects of the records of an agent's turns. */
  repliesOf(agent: AgentKey): string
  live(agent: AgentKey, turnId: string): string
  /** Subject of a turn's records, whatever the agent of the tenant is. */
  replyOfTenant(tenant: string, turnId: string): string
  /** Subjects at which hosts answer the questions of callers that may not read the streams. */
  readonly questions: string
  question(tenant: string, kind: string): string
  /** Subjects of the reports of all hosts, and of one. */
  readonly allReports: string
  report(hostId: string): string
  /** Subject at which the hosts are asked for a report. */
  readonly askReports: string
  /** Subjects of all parts of a turn's contents, and of one. */
  parcel(agent: AgentKey, turnId: string): string
  parcelPart(agent: AgentKey, turnId: string, part: string): string
}

/** Returns the names of a cluster. */
export function namesOf(cluster: string): Names {
  const stream = (name: string): string => `OC_${cluster}_${name}`
  const agent = ({ tenant, agentId }: AgentKey): string => `${tenant}.${agentId}`
  const at = (room: string, rest: string): string => `oc.${cluster}.${room}.${rest}`
  return {
    inbox: stream('INBOX'),
    replies: stream('REPLIES'),
    agents: stream('AGENTS'),
    hosts: stream('HOSTS'),
    places: stream('PLACES'),
    wishes: stream('WISHES'),
    homes: stream('HOMES'),
    turns: stream('TURNS'),
    requests: stream('REQUESTS'),
    quotas: stream('QUOTAS'),
    data: stream('DATA'),
    parcels: stream('PARCELS'),
    allMail: at('in', '>'),
    allReplies: at('re', '>'),
    allParcels: at('at', '>'),
    allTurns: at('in', '*.*.turn'),
    wakes: at('wake', '>'),
    lives: at('live', '>'),
    turn: (key) => at('in', `${agent(key)}.turn`),
    control: (key, turnId) => at('in', `${agent(key)}.ctl.${turnId}`),
    mailOf: (key) => at('in', `${agent(key)}.>`),
    reply: (key, turnId) => at('re', `${agent(key)}.${turnId}`),
    repliesOf: (key) => at('re', `${agent(key)}.*`),
    replyOfAny: (turnId) => at('re', `*.*.${turnId}`),
    live: (key, turnId) => at('live', `${agent(key)}.${turnId}`),
    replyOfTenant: (tenant, turnId) => at('re', `${tenant}.*.${turnId}`),
    questions: at('ask', '*.*'),
    question: (tenant, kind) => at('ask', `${tenant}.${kind}`),
    allReports: at('ev', '*'),
    report: (hostId) => at('ev', hostId),
    askReports: at('ev-ask', 'all'),
    parcel: (key, turnId) => at('at', `${agent(key)}.${turnId}.*`),
    parcelPart: (key, turnId, part) => at('at', `${agent(key)}.${turnId}.${part}`),
  }
}

/** Returns the agent and the kind of a subject of an inbox, stored or published again. */
export function mailOfSubject(subject: string): { agent: AgentKey; isTurn: boolean } {
  const [, , , tenant = '', agentId = '', kind] = subject.split('.')
  return { agent: { tenant, agentId }, isTurn: kind === 'turn' }
}

/** Returns the agent of a subject of records. */
export function agentOfReply(subject: string): AgentKey {
  const [, , , tenant = '', agentId = ''] = subject.split('.')
  return { tenant, agentId }
}
