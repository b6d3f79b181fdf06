import { useValue } from '../live/use-value.ts'
import './token-page.css'
import { effect } from '@preact/signals-core'
import { useEffect, useRef, useState } from 'preact/hooks'
import { api, type ApiError } from '../api/client.ts'
import { connection, retryNow } from '../live/store.ts'
import { Button } from '../parts/button.tsx'
import { ErrorNote, Note } from '../parts/note.tsx'
import { takeToken } from './address-token.ts'
import { asApiError } from './query.ts'
import { useTitle } from './title.ts'

/**
 * Page that exchanges a token for the cookie of the view, which no script can read. A token in the fragment of the
 * address logs in by itself: a browser sends no fragment to anyone.
 */
export function TokenPage() {
  useTitle('Log in')
  const { state, message } = useValue(connection)
  const [error, setError] = useState<ApiError>()
  const [isBusy, setBusy] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  const login = async (token: string): Promise<void> => {
    setBusy(true)
    setError(undefined)
    try {
      await api.login(token)
      retryNow()
    } catch (failure) {
      setError(asApiError(failure))
      input.current?.select()
    }
    setBusy(false)
  }
  useEffect(
    () =>
      effect(() => {
        const token = takeToken()
        if (token === undefined) input.current?.focus()
        else void login(token)
      }),
    [],
  )
  const submit = (event: Event): void => {
    event.preventDefault()
    const token = input.current?.value.trim() ?? ''
    if (token !== '' && !isBusy) void login(token)
  }
  return (
    <main class="token-page">
      <form class="token-card stack" onSubmit={submit}>
        <h1>Log in to opencode-runtime</h1>
        {state === 'forbidden' && <Note tone="warn">{message ?? 'The token may not read agents.'}</Note>}
        <label class="token-field">
          Token
          <input ref={input} class="input mono" type="password" autocomplete="current-password" required />
        </label>
        {error && <ErrorNote error={error} />}
        <Button kind="primary" type="submit" busy={isBusy}>
          {isBusy ? 'Logging in …' : 'Log in'}
        </Button>
        <p class="token-help muted">
          A token is made on the host of the gateway, and shown once:
          <code class="break">opencode-runtime token create --data-dir DIR</code>
        </p>
      </form>
    </main>
  )
}
