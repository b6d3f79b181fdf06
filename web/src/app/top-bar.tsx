import { useValue } from '../live/use-value.ts'
import './top-bar.css'
import { connection, requests } from '../live/store.ts'
import { Shape } from '../parts/badge.tsx'
import type { Tone } from '../words/states.ts'
import { paths, route, type Route } from './router.ts'

const mark = new URL('../styles/icon.svg', import.meta.url).href

const links: readonly { page: Route['page']; to: string; word: string }[] = [
  { page: 'fleet', to: paths.fleet, word: 'Agents' },
  { page: 'approvals', to: paths.approvals, word: 'Approvals' },
  { page: 'usage', to: paths.usage, word: 'Usage' },
]

/** Bar at the top of all pages: the pages, the number of open requests, and the connection. */
export function TopBar() {
  const present = useValue(route)
  return (
    <header class="top-bar">
      <div class="top-bar-inner">
        <a class="top-bar-brand" href={paths.fleet}>
          <img src={mark} width={22} height={22} alt="" />
          <span class="top-bar-name">opencode-runtime</span>
        </a>
        <nav class="top-bar-links" aria-label="Pages">
          {links.map(({ page, to, word }) => (
            <a key={page} href={to} aria-current={present.page === page ? 'page' : undefined}>
              {word}
              {page === 'approvals' && <OpenRequests />}
            </a>
          ))}
        </nav>
        <ConnectionState />
      </div>
    </header>
  )
}

function OpenRequests() {
  const { length } = useValue(requests)
  if (length === 0) return null
  return (
    <span class="top-bar-count number">
      {length}
      <span class="visually-hidden"> open</span>
    </span>
  )
}

function ConnectionState() {
  const { state, message } = useValue(connection)
  const { tone, word } = states[state]
  return (
    <span class="top-bar-state" title={message}>
      <Shape tone={tone} />
      <span class="top-bar-state-word">{word}</span>
    </span>
  )
}

const states: Readonly<Record<(typeof connection.value)['state'], { tone: Tone; word: string }>> = {
  connecting: { tone: 'busy', word: 'Connecting' },
  live: { tone: 'ok', word: 'Live' },
  waiting: { tone: 'bad', word: 'Disconnected' },
  unauthorized: { tone: 'warn', word: 'No login' },
  forbidden: { tone: 'warn', word: 'No access' },
}
