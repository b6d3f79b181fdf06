import { mkdirSync, writeFileSync } from 'node:fs'
import { SimulatedClock } from 'xstate'
import type { AccessClock } from '../../src/gateway/access/access-clock.ts'
import { scopes, type Scope, type TokenRecord } from '../../src/gateway/access/caller.ts'
import { tokensFile } from '../../src/gateway/access/token-file.ts'
import { newToken, type TokenGrant } from '../../src/gateway/access/token-record.ts'
import { fleetFolder } from '../../src/io/fleet/fleet-folder.ts'

/** Clock of a test that stands in 2026 and moves only on `increment`. */
export function accessClock(): AccessClock & { increment: (ms: number) => void } {
  const clock = new SimulatedClock()
  clock.set(Date.UTC(2026, 0, 1))
  return {
    now: () => clock.now(),
    setTimeout: (fn, ms) => clock.setTimeout(fn, ms),
    clearTimeout: (id) => clock.clearTimeout(id as number),
    increment: (ms) => clock.increment(ms),
  }
}

/** Returns a new token and its record; for everything, without other words. */
export const tokenFor = (grant: Partial<TokenGrant> = {}) => newToken({ scopes, ...grant })

/** Returns a new token with some scopes. */
export const tokenWith = (...some: Scope[]) => newToken({ scopes: some })

/** Writes the file of tokens, as a person with an editor does. */
export function writeTokens(dataDir: string, tokens: readonly TokenRecord[]): void {
  mkdirSync(fleetFolder(dataDir), { recursive: true })
  writeFileSync(tokensFile(dataDir), JSON.stringify({ format: 1, tokens }))
}

/** Returns a request with headers, as a program sends it to the gateway. */
export const requestWith = (
  headers: Record<string, string> = {},
  method = 'GET',
  path = '/v1/agents',
): Request => new Request(`http://127.0.0.1:7420${path}`, { method, headers })

/** Returns the error that a function throws. */
export function thrownBy(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}
