import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'
import { messageOf } from '../util/messages.ts'

/** Turn that a context belongs to. A sealed context opens for this turn only. */
export interface ContextTurn {
  readonly cluster: string
  readonly tenant: string
  readonly agentId: string
  readonly turnId: string
}

/** Context that cannot be opened, or sealed. The message says what to do. */
export class ContextError extends Error {
  override readonly name = 'ContextError'
}

const version = 1
const [keyBytes, tagBytes] = [32, 16]
/** Each message has a key of its own, so that its nonce may be the same. */
const nonce = Buffer.alloc(12)
const cipher = 'aes-256-gcm'

/** Start of a private key of X25519 in PKCS #8, and of a public one in SPKI; the bytes of the key follow. */
const privatePrefix = Buffer.from('302e020100300506032b656e04220420', 'hex')
const publicPrefix = Buffer.from('302a300506032b656e032100', 'hex')

/**
 * Seals a context for the hosts of a cluster: only a host with the private key can open it, and only for one turn. The key
 * is agreed on by X25519 with a pair that is used once; HKDF with SHA-256 binds it to the turn.
 *
 * @param publicKey - Public key of the hosts, as {@link ContextKeys} tells it.
 * @param context - Value that JSON represents.
 * @throws ContextError
 */
export function sealContext(publicKey: string, context: unknown, turn: ContextTurn): string {
  const text = jsonOf(context)
  const hosts = Buffer.from(publicKey, 'base64url')
  if (hosts.length !== keyBytes) throw new ContextError('the hosts have a key that this caller does not know')
  const once = generateKeyPairSync('x25519')
  const own = rawOf(once.publicKey)
  const shared = diffieHellman({ privateKey: once.privateKey, publicKey: publicKeyOf(hosts) })
  const sealing = createCipheriv(cipher, messageKey(shared, own, hosts, turn), nonce)
  const sealed = [sealing.update(text, 'utf8'), sealing.final()]
  return Buffer.concat([Buffer.of(version), hosts, own, ...sealed, sealing.getAuthTag()]).toString(
    'base64url',
  )
}

/** Keys of the hosts of a cluster, each made from a secret. The first one is for callers; all open contexts. */
export class ContextKeys {
  /** Public key for callers. */
  readonly publicKey: string
  readonly #keys: ReadonlyMap<string, KeyObject>

  constructor(secrets: readonly string[]) {
    const pairs = secrets.map((secret) => {
      const key = privateKeyOf(secret)
      return [rawOf(createPublicKey(key)).toString('base64url'), key] as const
    })
    this.#keys = new Map(pairs)
    this.publicKey = pairs[0]?.[0] ?? ''
  }

  /** Returns the context of a turn. @throws ContextError if it was sealed for other hosts, or for another turn */
  open(sealed: string, turn: ContextTurn): unknown {
    const bytes = Buffer.from(sealed, 'base64url')
    const hosts = bytes.subarray(1, 1 + keyBytes)
    const own = bytes.subarray(1 + keyBytes, 1 + 2 * keyBytes)
    const rest = bytes.subarray(1 + 2 * keyBytes)
    const key = this.#keys.get(hosts.toString('base64url'))
    if (bytes[0] !== version || !key)
      throw new ContextError('the context was sealed for another key than this host has (option contextKey)')
    try {
      const shared = diffieHellman({ privateKey: key, publicKey: publicKeyOf(own) })
      const opening = createDecipheriv(cipher, messageKey(shared, own, hosts, turn), nonce, {
        authTagLength: tagBytes,
      })
      opening.setAuthTag(rest.subarray(-tagBytes))
      const text = Buffer.concat([opening.update(rest.subarray(0, -tagBytes)), opening.final()])
      return JSON.parse(text.toString('utf8')) as unknown
    } catch {
      throw new ContextError('the context was sealed for another turn, or was changed on its way')
    }
  }
}

function jsonOf(context: unknown): string {
  try {
    const text = JSON.stringify(context) as string | undefined
    if (text !== undefined) return text
  } catch (error) {
    throw new ContextError(`expected a value that JSON represents (${messageOf(error)})`)
  }
  throw new ContextError('expected a value that JSON represents')
}

/** Returns the key of one message, which only the two parties know, and which belongs to one turn. */
function messageKey(shared: Buffer, own: Buffer, hosts: Buffer, turn: ContextTurn): Buffer {
  const { cluster, tenant, agentId, turnId } = turn
  const info = JSON.stringify(['opencode-runtime context', version, cluster, tenant, agentId, turnId])
  return Buffer.from(hkdfSync('sha256', shared, Buffer.concat([own, hosts]), info, keyBytes))
}

function privateKeyOf(secret: string): KeyObject {
  const bytes = Buffer.from(hkdfSync('sha256', secret, '', 'opencode-runtime context key', keyBytes))
  return createPrivateKey({ key: Buffer.concat([privatePrefix, bytes]), format: 'der', type: 'pkcs8' })
}

const publicKeyOf = (bytes: Buffer): KeyObject =>
  createPublicKey({ key: Buffer.concat([publicPrefix, bytes]), format: 'der', type: 'spki' })

const rawOf = (key: KeyObject): Buffer =>
  key.export({ format: 'der', type: 'spki' }).subarray(publicPrefix.length)
