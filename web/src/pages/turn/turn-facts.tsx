import type { ComponentChildren, VNode } from 'preact'
import type { Turn } from '../../api/types.ts'
import { RelativeTime } from '../../parts/relative-time.tsx'
import { InlineText } from '../../parts/text/inline-text.tsx'
import { cost, tokens, whole } from '../../words/format.ts'
import { Took } from '../../parts/took.tsx'
import type { TurnView } from './transcript.ts'
import { usageOf } from './turn-state.ts'

/** Fact with its name; one without a value is left out. */
type Fact = readonly [name: string, value: ComponentChildren]

/** Shows the facts of a turn: times, tokens, cost, and its ids. */
export function TurnFacts({ turn, view }: { turn: Turn; view: TurnView }): VNode {
  const usage = usageOf(turn, view)
  const count = (kind: string) => view.entries.filter((entry) => entry.kind === kind).length
  const some = (amount: number, shown: (amount: number) => string) => (amount > 0 ? shown(amount) : undefined)
  const facts: readonly Fact[] = [
    ['Started', <RelativeTime at={Date.parse(turn.created_at)} />],
    [turn.ended_at === null ? 'Runs for' : 'Took', <Took turn={turn} />],
    ['Tool calls', whole(count('tool'))],
    ['Retries', some(count('retry'), whole)],
    ['Cost', cost(usage.cost_usd)],
    ['Input', tokens(usage.input_tokens)],
    ['From cache', some(usage.cache_read_tokens, tokens)],
    ['Into cache', some(usage.cache_write_tokens, tokens)],
    ['Output', tokens(usage.output_tokens)],
    ['Reasoning', some(usage.reasoning_tokens, tokens)],
    ['Turn', idOf(turn.turn_id)],
    ['Session', idOf(turn.session_id)],
    ['Trace', idOf(turn.trace_id)],
  ]
  return (
    <section class="turn-facts">
      <h2>Facts</h2>
      <dl>
        {facts.map(
          ([name, value]) =>
            value !== undefined && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
      </dl>
    </section>
  )
}

const idOf = (id: string | null): VNode | undefined =>
  id === null ? undefined : (
    <span class="turn-id" title={id}>
      <InlineText text={id} max={80} />
    </span>
  )
