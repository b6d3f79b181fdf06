import { statSync } from 'node:fs'
import { timingSafeEqual } from 'node:crypto'
import { errnoOf } from '../../io/host/host-fault.ts'
import { messageOf } from '../../util/messages.ts'
import type { TokenRecord } from './caller.ts'
import { readTokens, tokensFile } from './token-file.ts'
import { hashOf, isExpired } from './token-record.ts'

/** Tokens of a gateway: those of its options, and those of the file, which is read again when it has changed. */
export class TokenList {
  readonly #dataDir: string
  readonly #given: readonly TokenRecord[]
  readonly #warn: (message: string) => void
  #kept: readonly TokenRecord[]
  #version: string

  /**
   * Reads the file.
   *
   * @param given - the tokens of the options
   * @param warn - gets the message of a changed file that cannot be used
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a file that is damaged, or of a newer version
   */
  constructor(dataDir: string, given: readonly TokenRecord[], warn: (message: string) => void) {
    this.#dataDir = dataDir
    this.#given = given
    this.#warn = warn
    this.#version = this.#versionNow()
    this.#kept = readTokens(dataDir)
  }

  /** True if there is no token at all. */
  get isEmpty(): boolean {
    return this.#given.length + this.#kept.length === 0
  }

  /**
   * Reads the file again if it has changed, and returns whether it has. A file that cannot be used is reported, and
   * changes nothing: the tokens of before stay valid.
   */
  refresh(): boolean {
    const version = this.#versionNow()
    if (version === this.#version) return false
    this.#version = version
    try {
      this.#kept = withSameRecords(this.#kept, readTokens(this.#dataDir))
      return true
    } catch (error) {
      this.#warn(`The changed tokens.json is not used, and the tokens of before stay: ${messageOf(error)}`)
      return false
    }
  }

  /** Returns the record of a token that is valid now. Takes the same time for all tokens that differ. */
  find(token: string, now: number): TokenRecord | undefined {
    return this.findByHash(hashOf(token), now)
  }

  /** Returns the record with the hash of a token, as {@link find} does. */
  findByHash(hash: string, now: number): TokenRecord | undefined {
    let found: TokenRecord | undefined
    // Every record is compared, so that the time does not tell which record resembles the token.
    for (const record of [...this.#given, ...this.#kept]) if (isSame(record.hash, hash)) found ??= record
    return found && !isExpired(found, now) ? found : undefined
  }

  /** Returns whether a record is still as it was, and has not expired. */
  holds(record: TokenRecord, now: number): boolean {
    return (this.#given.includes(record) || this.#kept.includes(record)) && !isExpired(record, now)
  }

  /** Returns the identity of the file's content, from the file system. */
  #versionNow(): string {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = statSync(tokensFile(this.#dataDir), { bigint: true })
      return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
    } catch (error) {
      return errnoOf(error) ?? 'unknown'
    }
  }
}

/** Compares two hashes in constant time. */
export function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Returns the read records, each as the same object as before if nothing of it has changed. */
function withSameRecords(
  before: readonly TokenRecord[],
  read: readonly TokenRecord[],
): readonly TokenRecord[] {
  const known = new Map(before.map((record) => [JSON.stringify(record), record]))
  return read.map((record) => known.get(JSON.stringify(record)) ?? record)
}
