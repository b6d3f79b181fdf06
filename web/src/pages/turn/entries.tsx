import { Component, type VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Markdown } from '../../parts/markdown/markdown.tsx'
import { InlineText } from '../../parts/text/inline-text.tsx'
import { ToolCall } from '../../parts/tool-call/tool-call.tsx'
import type { Card } from '../approvals/cards.ts'
import { RequestCard } from '../approvals/request-card.tsx'
import { Reasoning } from './reasoning.tsx'
import { RetryNote } from './retry-note.tsx'
import type { Entry, TurnView } from './transcript.ts'

/** Entries that are shown at once, from the last one back. */
const shownAtOnce = 200

/** Properties of {@link Entries}. */
export interface EntriesProps {
  view: TurnView
  isOver: boolean
  /** Requests of the turn. */
  asked: readonly Card[]
}

/** Shows the entries of a turn in their order. Of a very long turn the last ones are shown first. */
export function Entries({ view: { entries }, isOver, asked }: EntriesProps): VNode {
  const [shown, setShown] = useState(shownAtOnce)
  const hidden = Math.max(0, entries.length - shown)
  return (
    <div class="turn-entries" aria-busy={!isOver}>
      {hidden > 0 && (
        <button type="button" class="turn-earlier" onClick={() => setShown(shown + shownAtOnce)}>
          Show earlier steps ({hidden.toLocaleString()})
        </button>
      )}
      {entries.slice(hidden).map((entry, i) => (
        <EntryView
          key={entry.id}
          entry={entry}
          isStreaming={!isOver && i === entries.length - hidden - 1}
          card={entry.kind === 'tool' ? cardOf(asked, entry.call.callId) : undefined}
        />
      ))}
    </div>
  )
}

const cardOf = (asked: readonly Card[], callId: string): Card | undefined =>
  asked.find(({ pending }) => pending.request.tool?.call_id === callId)

interface EntryProps {
  entry: Entry
  isStreaming: boolean
  card: Card | undefined
}

/** Shows an entry; an entry that has not changed is not drawn again. */
class EntryView extends Component<EntryProps> {
  override shouldComponentUpdate(next: EntryProps): boolean {
    const { entry, isStreaming, card } = this.props
    return next.entry !== entry || next.isStreaming !== isStreaming || next.card !== card
  }

  override render(): VNode {
    const { entry, isStreaming, card } = this.props
    switch (entry.kind) {
      case 'text':
        return <Text entry={entry} isStreaming={isStreaming} />
      case 'reasoning':
        return <Reasoning text={entry.text} isStreaming={isStreaming} />
      case 'tool':
        return <ToolCall call={entry.call}>{card && <RequestCard card={card} />}</ToolCall>
      case 'retry':
        return <RetryNote attempt={entry.attempt} message={entry.message} />
    }
  }
}

function Text({
  entry,
  isStreaming,
}: {
  entry: Extract<Entry, { text: string }>
  isStreaming: boolean
}): VNode {
  if (!entry.isStale) return <Markdown text={entry.text} isStreaming={isStreaming} />
  return (
    <details class="turn-stale">
      <summary>
        Text of an attempt that was repeated: <InlineText text={entry.text.trim()} max={60} />
      </summary>
      <Markdown text={entry.text} />
    </details>
  )
}
