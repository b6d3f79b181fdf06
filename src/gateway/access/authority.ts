import { parse } from '../../config/validation.ts'
import { hostClock, type AccessClock } from './access-clock.ts'
import { anyone, type Caller, type TokenRecord } from './caller.ts'
import { Followers, type Following } from './followers.ts'
import { LoginStore } from './login-store.ts'
import { requireOwnPage } from './origin-policy.ts'
import type { ProblemError } from '../http/problem.ts'
import { tooManyRefusals, unauthorized } from './problems.ts'
import { RefusalLimit } from './refusal-limit.ts'
import { TokenList } from './token-list.ts'
import { tokenRecordsSchema } from './token-record.ts'
import { cookieIn, cookieNameOf, isSecure, setCookie } from './view-cookie.ts'

/** Options of an {@link Authority}. */
export interface AuthorityOptions {
  /** Data directory whose `.fleet/tokens.json` holds tokens. */
  dataDir: string
  /** Further tokens. */
  tokens?: readonly TokenRecord[] | undefined
  /** True if every request is allowed, without a token. */
  insecureNoAuth?: boolean | undefined
  /** Clock; the host's if absent. */
  clock?: AccessClock | undefined
  /** Gets the message of a changed file of tokens that cannot be used. */
  warn?: ((message: string) => void) | undefined
}

/** Parts of a request that prove its caller. */
export interface Credentials {
  method: string
  url: string
  headers: Headers
}

/** Decides who makes a request: by a Bearer token, or by the cookie of the view. */
export class Authority {
  readonly #tokens: TokenList
  readonly #logins: LoginStore
  readonly #cookie: string
  readonly #isOpen: boolean
  readonly #clock: AccessClock
  readonly #limit = new RefusalLimit()
  readonly #callers = new WeakMap<TokenRecord, Caller>()
  readonly #records = new WeakMap<Caller, TokenRecord>()
  readonly #followers: Followers

  /**
   * Reads the tokens of the data directory.
   *
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad token in the options, or a file of tokens that
   * is damaged, or of a newer version
   */
  constructor({ dataDir, tokens = [], insecureNoAuth = false, clock = hostClock, warn }: AuthorityOptions) {
    const given = parse(tokenRecordsSchema, tokens, 'option')
    this.#tokens = new TokenList(dataDir, given, warn ?? (() => undefined))
    this.#logins = new LoginStore(dataDir)
    this.#cookie = cookieNameOf(dataDir)
    this.#isOpen = insecureNoAuth
    this.#clock = clock
    this.#followers = new Followers(clock, (caller) => this.#isValid(caller))
  }

  /**
   * Returns the caller of a request.
   *
   * @param address - address of the caller, for the limit of refusals
   * @throws ProblemError 401 for a request that proves no caller; 403 for the view's cookie in the request of another
   * page; 429 for a token from an address whose requests were refused too often
   */
  authenticate(request: Credentials, address?: string): Caller {
    if (this.#isOpen) return anyone
    if (this.#tokens.refresh()) this.#followers.check()
    const authorization = request.headers.get('authorization')
    if (authorization !== null)
      return this.#byToken(/^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? '', address)
    const cookie = cookieIn(request.headers, this.#cookie)
    if (cookie !== undefined) return this.#byCookie(cookie, request)
    throw this.#unauthorized(sendToken)
  }

  /**
   * Logs a browser in, and resolves with the value of the header Set-Cookie; `undefined` if no login is needed.
   *
   * @throws ProblemError as {@link authenticate}
   * @throws the system's error if the login cannot be written
   */
  async login(token: string, request: Credentials, address?: string): Promise<string | undefined> {
    if (this.#isOpen) return undefined
    this.#tokens.refresh()
    const caller = this.#byToken(token, address)
    const hash = this.#records.get(caller)?.hash ?? ''
    const secret = await this.#logins.add(hash, this.#clock.now())
    return setCookie(this.#cookie, secret, isSecure(request.headers, request.url))
  }

  /**
   * Follows the right of a caller, for a stream that outlives the check at its beginning.
   *
   * @returns a signal that aborts within a second after the token was revoked, was changed, or has expired, and `stop`,
   * which ends the following
   */
  follow(caller: Caller): Following {
    return this.#followers.add(caller)
  }

  /** Stops following callers. */
  close(): void {
    this.#followers.close()
  }

  #byToken(token: string, address: string | undefined): Caller {
    const now = this.#clock.now()
    const wait = this.#limit.waitOf(address, now)
    if (wait > 0) throw tooManyRefusals(wait)
    const record = token.length > longestToken ? undefined : this.#tokens.find(token, now)
    if (record) return this.#callerOf(record)
    this.#limit.add(address, now)
    throw this.#unauthorized(token === '' ? sendToken : unknownToken)
  }

  /** Returns the refusal for a reason; for a gateway without tokens, the advice to create one. */
  #unauthorized(reason: string): ProblemError {
    return unauthorized(this.#tokens.isEmpty ? noTokens : reason)
  }

  /** Returns the caller of a cookie. A stale cookie is no guess, so that it does not count as a refusal. */
  #byCookie(secret: string, { method, headers, url }: Credentials): Caller {
    requireOwnPage(method, headers, url)
    const now = this.#clock.now()
    const hash = secret.length > longestToken ? undefined : this.#logins.tokenOf(secret, now)
    const record = hash === undefined ? undefined : this.#tokens.findByHash(hash, now)
    if (record) return this.#callerOf(record)
    throw unauthorized('The login has ended: log in again', {
      'Set-Cookie': setCookie(this.#cookie, '', isSecure(headers, url)),
    })
  }

  #callerOf(record: TokenRecord): Caller {
    const known = this.#callers.get(record)
    if (known) return known
    const { id, scopes, agents, tenant } = record
    const caller: Caller = {
      tokenId: id,
      scopes: new Set(scopes),
      agents: agents && new Set(agents),
      tenant,
    }
    this.#callers.set(record, caller)
    this.#records.set(caller, record)
    return caller
  }

  #isValid(caller: Caller): boolean {
    if (this.#isOpen) return true
    this.#tokens.refresh()
    const record = this.#records.get(caller)
    return record !== undefined && this.#tokens.holds(record, this.#clock.now())
  }
}

/** Length of a text that can be a token, in characters. */
const longestToken = 1024

const sendToken = 'Send a token: Authorization: Bearer <token>'

const unknownToken = 'The token is unknown, revoked or expired: use a valid token'

const noTokens =
  'The gateway has no token: create one with opencode-runtime token create --data-dir <directory of the fleet>'
