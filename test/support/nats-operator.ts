import { nkeys } from '@nats-io/transport-node'

type Pair = ReturnType<typeof nkeys.createUser>

/** Texts of a NATS that knows its users by signed tokens. */
export interface Operator {
  /** Configuration of the server: what it trusts, and the account. */
  readonly config: string
  /** Text of a credentials file of a user who may do everything in the account. */
  readonly creds: string
}

/** Makes an operator, an account with JetStream, and a user of the account. No network is needed. */
export function makeOperator(): Operator {
  const [operator, account, user] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser()]
  const system = nkeys.createAccount()
  const limits = { ...unlimited, ...limitsOf('imports', 'exports', 'conn', 'leaf') }
  const accountToken = signed(operator, account, {
    type: 'account',
    limits: { ...limits, ...limitsOf('disk_storage', 'streams', 'consumer') },
  })
  const config = [
    `operator: ${signed(operator, operator, { type: 'operator' })}`,
    'resolver: MEMORY',
    `system_account: ${system.getPublicKey()}`,
    `resolver_preload: {`,
    `  ${account.getPublicKey()}: ${accountToken}`,
    `  ${system.getPublicKey()}: ${signed(operator, system, { type: 'account', limits })}`,
    `}`,
    'jetstream {}',
  ]
  const seed = new TextDecoder().decode(user.getSeed())
  const parts = [
    ['NATS USER JWT', signed(account, user, { type: 'user', ...unlimited })],
    ['USER NKEY SEED', seed],
  ]
  const creds = parts.map(
    ([what = '', text = '']) => `-----BEGIN ${what}-----\n${text}\n------END ${what}------\n`,
  )
  return { config: `${config.join('\n')}\n`, creds: creds.join('\n') }
}

const limitsOf = (...names: string[]) => Object.fromEntries(names.map((name) => [name, -1]))
const unlimited = limitsOf('subs', 'data', 'payload')

/** Returns a token of NATS about a key, signed by another one. */
function signed(issuer: Pair, subject: Pair, facts: object): string {
  const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = {
    jti: subject.getPublicKey(),
    iat: Math.floor(Date.now() / 1000),
    iss: issuer.getPublicKey(),
    name: 'test',
    sub: subject.getPublicKey(),
    nats: { version: 2, ...facts },
  }
  const text = `${encoded({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encoded(claims)}`
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString('base64url')}`
}
