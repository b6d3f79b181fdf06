import './note.css'
import type { ComponentChildren } from 'preact'
import type { ApiError } from '../api/client.ts'
import type { Tone } from '../words/states.ts'
import { Shape } from './badge.tsx'
import { Button } from './button.tsx'
import { textNodes } from './text/inline-text.tsx'

/** Message within a page. */
export function Note({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <div class={`note tone-${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      <Shape tone={tone} />
      <div class="note-text">{children}</div>
    </div>
  )
}

/** Failure of a request, with what to do. */
export function ErrorNote({ error, onRetry }: { error: ApiError; onRetry?: () => void }) {
  return (
    <Note tone="bad">
      <span class="break">{textNodes(error.message)}</span>
      {error.code !== '' && <code class="note-code">{error.code}</code>}
      {onRetry && (
        <Button size="small" onClick={onRetry}>
          Try again
        </Button>
      )}
    </Note>
  )
}
