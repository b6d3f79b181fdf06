import { useValue } from '../live/use-value.ts'
import './app.css'
import { effect } from '@preact/signals-core'
import { useEffect, useRef, useState } from 'preact/hooks'
import { connection, totals } from '../live/store.ts'
import { Empty, PageHead } from '../parts/layout.tsx'
import { AgentPage } from '../pages/agent/agent-page.tsx'
import { ApprovalsPage } from '../pages/approvals/approvals-page.tsx'
import { FleetPage } from '../pages/fleet/fleet-page.tsx'
import { TurnPage } from '../pages/turn/turn-page.tsx'
import { UsagePage } from '../pages/usage/usage-page.tsx'
import { ConnectionBanner } from './connection-banner.tsx'
import { paths, route, type Route } from './router.ts'
import { useTitle } from './title.ts'
import { TokenPage } from './token-page.tsx'
import { TopBar } from './top-bar.tsx'

/** The view: the page of the address, or the page that asks for a token. */
export function App() {
  const { state } = useValue(connection)
  if (state === 'unauthorized' || state === 'forbidden') return <TokenPage />
  return (
    <>
      <a class="app-skip" href="#main">
        Skip to the content
      </a>
      <TopBar />
      <ConnectionBanner />
      <Main />
    </>
  )
}

/** The page itself. Nothing is shown before the gateway has answered once, because it may ask for a token. */
function Main() {
  const [hasAnswered, setAnswered] = useState(false)
  // The page is not drawn again when a total changes.
  useEffect(
    () =>
      effect(() => {
        if (totals.value || connection.value.state === 'waiting') setAnswered(true)
      }),
    [],
  )
  const shown = useValue(route)
  const main = useRef<HTMLElement>(null)
  const isFirst = useRef(true)
  const key = keyOf(shown)
  useEffect(() => {
    // A person who has followed a link reads on in the new page.
    if (!isFirst.current) main.current?.focus({ preventScroll: true })
    isFirst.current = false
  }, [key])
  return (
    <main id="main" class="app-main stack" ref={main} tabIndex={-1} aria-busy={!hasAnswered}>
      {hasAnswered && <Page key={key} route={shown} />}
    </main>
  )
}

const keyOf = (shown: Route): string => ('id' in shown ? `${shown.page} ${shown.id}` : shown.page)

function Page({ route: shown }: { route: Route }) {
  switch (shown.page) {
    case 'fleet':
      return <FleetPage />
    case 'approvals':
      return <ApprovalsPage />
    case 'agent':
      return <AgentPage id={shown.id} />
    case 'turn':
      return <TurnPage id={shown.id} />
    case 'usage':
      return <UsagePage />
    case 'unknown':
      return <UnknownPage path={shown.path} />
  }
}

function UnknownPage({ path }: { path: string }) {
  useTitle('No such page')
  return (
    <>
      <PageHead title="No such page" />
      <Empty title={path}>
        <a href={paths.fleet}>All agents</a>
      </Empty>
    </>
  )
}
