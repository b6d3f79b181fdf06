import type { VNode } from 'preact'
import type { Turn } from '../../api/types.ts'
import { CopyButton } from '../../parts/copy-button.tsx'
import { RelativeTime } from '../../parts/relative-time.tsx'
import { InlineText } from '../../parts/text/inline-text.tsx'
import { cost, tokens } from '../../words/format.ts'
import { Took } from './took.tsx'
import type { TurnView } from './transcript.ts'
import { usageOf } from './turn-state.ts'

/** Shows the facts of a turn: times, tokens, cost, and its ids. */
export function TurnFacts({ turn, view }: { turn: Turn; view: TurnView }): VNode {
  const usage = usageOf(turn, view)
  const calls = view.entries.filter(({ kind }) => kind === 'tool').length
  const retries = view.entries.filter(({ kind }) => kind === 'retry').length
  return (
    <section class="turn-facts">
      <h2>Facts</h2>
      <dl>
        <Fact name="Started">
          <RelativeTime at={Date.parse(turn.created_at)} />
        </Fact>
        <Fact name={turn.ended_at === null ? 'Runs for' : 'Took'}>
          <Took turn={turn} />
        </Fact>
        <Fact name="Tool calls">{calls.toLocaleString()}</Fact>
        {retries > 0 && <Fact name="Retries">{retries.toLocaleString()}</Fact>}
        <Fact name="Cost">
          <strong>{cost(usage.cost_usd)}</strong>
        </Fact>
        <Fact name="Input">{tokens(usage.input_tokens)}</Fact>
        {usage.cache_read_tokens > 0 && <Fact name="From cache">{tokens(usage.cache_read_tokens)}</Fact>}
        {usage.cache_write_tokens > 0 && <Fact name="Into cache">{tokens(usage.cache_write_tokens)}</Fact>}
        <Fact name="Output">{tokens(usage.output_tokens)}</Fact>
        {usage.reasoning_tokens > 0 && <Fact name="Reasoning">{tokens(usage.reasoning_tokens)}</Fact>}
        <Id name="Turn" id={turn.turn_id} />
        {turn.session_id !== null && <Id name="Session" id={turn.session_id} />}
        {turn.trace_id !== null && <Id name="Trace" id={turn.trace_id} />}
      </dl>
    </section>
  )
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }): VNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

const Id = ({ name, id }: { name: string; id: string }): VNode => (
  <Fact name={name}>
    <span class="turn-id" title={id}>
      <InlineText text={id} max={80} />
    </span>
    <CopyButton text={id} />
  </Fact>
)
