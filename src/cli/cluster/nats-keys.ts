import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf } from '../../io/host/host-fault.ts'
import { messageOf } from '../../util/messages.ts'
import { UsageError } from '../exit-codes.ts'
import { storeKeyVariable, type NatsUser } from './nats-server-config.ts'

type KeyMaker = typeof import('@nats-io/transport-node').nkeys

/** Secrets of a cluster's NATS in a folder, one file each, which only their owner can read. A file that exists is kept. */
export class NatsKeys {
  readonly #folder: string
  readonly #maker: KeyMaker
  /** Paths of the files that were made. */
  readonly made: string[] = []
  readonly #users = new Set<string>()

  /** @throws UsageError if the folder cannot be made, or if a package of NATS is not installed */
  static async open(folder: string): Promise<NatsKeys> {
    const maker = await loadMaker()
    orUsageError(folder, () => mkdirSync(folder, { recursive: true, mode: 0o700 }))
    return new NatsKeys(folder, maker)
  }

  private constructor(folder: string, maker: KeyMaker) {
    this.#folder = folder
    this.#maker = maker
  }

  /** Returns the user of a name, whose seed is in the file `<name>.nk`. */
  user(name: string): NatsUser {
    const maker = this.#maker
    this.#users.add(name)
    const seed = this.#secret(`${name}.nk`, () => new TextDecoder().decode(maker.createUser().getSeed()))
    try {
      return { name, nkey: maker.fromSeed(new TextEncoder().encode(seed)).getPublicKey() }
    } catch (error) {
      const file = join(this.#folder, `${name}.nk`)
      throw new UsageError(`${file} holds no seed of a user of NATS (${messageOf(error)}): delete the file`)
    }
  }

  /** Returns the paths of keys in the folder whose users were not asked for. */
  get unused(): string[] {
    const names = readdirSync(this.#folder).filter((file) => file.endsWith('.nk'))
    return names
      .filter((file) => !this.#users.has(file.slice(0, -'.nk'.length)))
      .map((file) => join(this.#folder, file))
      .sort()
  }

  /** Returns the password of the connections between the servers. */
  routePassword(): string {
    return this.#secret('routes.password', () => randomBytes(24).toString('hex'))
  }

  /** Makes the file with the variable of the store's key, and returns its path. */
  storeKey(): string {
    // The server would read a value that begins with a digit as a number.
    this.#secret('store.env', () => `${storeKeyVariable}=k${randomBytes(32).toString('hex')}\n`)
    return join(this.#folder, 'store.env')
  }

  #secret(name: string, make: () => string): string {
    const file = join(this.#folder, name)
    return orUsageError(file, () => {
      try {
        // Without a line break, because the client of NATS takes the bytes of the file as the seed.
        writeFileSync(file, make(), { mode: 0o600, flag: 'wx' })
        this.made.push(file)
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST') throw error
      }
      return readFileSync(file, 'utf8').trim()
    })
  }
}

async function loadMaker(): Promise<KeyMaker> {
  try {
    return (await import('@nats-io/transport-node')).nkeys
  } catch (error) {
    if (errnoOf(error) !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new UsageError('the keys need a package of NATS: run npm install @nats-io/transport-node')
  }
}

function orUsageError<T>(path: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw new UsageError(`${path} cannot be used: ${messageOf(error)}`)
  }
}
