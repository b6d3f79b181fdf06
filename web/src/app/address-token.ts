import { effect, signal } from '@preact/signals-core'
import { connection } from '../live/store.ts'

const given = signal<string | undefined>(undefined)

/**
 * Takes each token out of the fragment of the address, also of one that is opened in this tab, and removes it from the
 * address and the history. A page that is logged in forgets the token.
 */
export function startAddressToken(): void {
  const take = (): void => {
    const token = new URLSearchParams(location.hash.slice(1)).get('token')
    if (token === null || token === '') return
    history.replaceState(null, '', location.pathname + location.search)
    given.value = token
  }
  addEventListener('hashchange', take)
  take()
  effect(() => {
    if (given.value !== undefined && connection.value.state === 'live') given.value = undefined
  })
}

/** Returns the token that the address held, once. */
export function takeToken(): string | undefined {
  const token = given.value
  given.value = undefined
  return token
}
