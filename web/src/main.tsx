import './styles/tokens.css'
import './styles/base.css'
import { render } from 'preact'
import { App } from './app/app.tsx'
import { startRouter } from './app/router.ts'
import { startTitle } from './app/title.ts'
import { startLive } from './live/store.ts'
import { startNotifications } from './pages/approvals/notifications.ts'

const root = document.getElementById('view')
if (!root) throw new Error('The page has no element #view')

startRouter()
startLive()
startTitle()
startNotifications()
render(<App />, root)
