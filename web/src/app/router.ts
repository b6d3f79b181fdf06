import { computed, signal, type ReadonlySignal } from '@preact/signals-core'

/** Page, with the id of what it shows. */
export type Route =
  | { page: 'fleet' }
  | { page: 'approvals' }
  | { page: 'agent'; id: string }
  | { page: 'turn'; id: string }
  | { page: 'usage' }
  | { page: 'unknown'; path: string }

/** Paths of the pages. */
export const paths = {
  fleet: '/',
  approvals: '/approvals',
  usage: '/usage',
  agent: (id: string): string => `/agents/${encodeURIComponent(id)}`,
  turn: (id: string): string => `/turns/${encodeURIComponent(id)}`,
} as const

/** Returns the page of a path. */
export function routeOf(path: string): Route {
  const [first = '', second, ...more] = path.split('/').filter((part) => part !== '')
  if (more.length > 0) return { page: 'unknown', path }
  if (second === undefined) {
    if (first === '') return { page: 'fleet' }
    if (first === 'approvals' || first === 'usage') return { page: first }
    return { page: 'unknown', path }
  }
  const id = decoded(second)
  if (id !== undefined && first === 'agents') return { page: 'agent', id }
  if (id !== undefined && first === 'turns') return { page: 'turn', id }
  return { page: 'unknown', path }
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}

const path = signal('/')

/** Page of the address. */
export const route: ReadonlySignal<Route> = computed(() => routeOf(path.value))

/** Shows another page. */
export function navigate(to: string, { replace = false }: { replace?: boolean } = {}): void {
  const { pathname } = new URL(to, location.href)
  if (replace) history.replaceState(null, '', to)
  else history.pushState(null, '', to)
  if (pathname === path.value) return
  path.value = pathname
  scrollTo(0, 0)
}

/** Follows the address, and takes the clicks on links of the view. */
export function startRouter(): void {
  const follow = (): void => void (path.value = location.pathname)
  addEventListener('popstate', follow)
  document.addEventListener('click', takeClick)
  follow()
}

function takeClick(event: MouseEvent): void {
  const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
  const link = event.target instanceof Element ? event.target.closest('a') : null
  if (!isPlain || event.defaultPrevented || !link) return
  const isOwn = link.origin === location.origin && link.target === '' && !link.hasAttribute('download')
  if (!isOwn || link.hash !== '' || routeOf(link.pathname).page === 'unknown') return
  event.preventDefault()
  navigate(link.href)
}
