import './styles/tokens.css'
import './styles/base.css'
import { render } from 'preact'
import { startAddressToken } from './app/address-token.ts'
import { App } from './app/app.tsx'
import { startRouter } from './app/router.ts'
import { startTitle } from './app/title.ts'
import { serveFeed } from './live/feed-worker.ts'
import { startLive } from './live/store.ts'
import { startNotifications } from './pages/approvals/notifications.ts'

// This file runs in each page, and in the worker that the pages share: a worker has no document.
if ('document' in globalThis) showPage()
else serveFeed()

function showPage(): void {
  const root = document.getElementById('view')
  if (!root) throw new Error('The page has no element #view')
  startRouter()
  startLive()
  startAddressToken()
  startTitle()
  startNotifications()
  render(<App />, root)
}
