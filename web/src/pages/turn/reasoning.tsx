import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Markdown } from '../../parts/markdown/markdown.tsx'
import { plural } from '../../words/format.ts'

/** Shows the model's reasoning, folded. The text is drawn when the reader unfolds it. */
export function Reasoning({ text, isStreaming }: { text: string; isStreaming: boolean }): VNode {
  const [isOpen, setOpen] = useState(false)
  return (
    <details
      class="turn-reasoning"
      data-streaming={isStreaming}
      open={isOpen}
      onToggle={({ currentTarget }) => setOpen(currentTarget.open)}
    >
      <summary>
        {isStreaming ? 'Thinking …' : 'Reasoning'} <span>{plural(wordCount(text), 'word')}</span>
      </summary>
      {isOpen && <Markdown text={text} isStreaming={isStreaming} />}
    </details>
  )
}

const wordCount = (text: string): number => text.match(/\S+/g)?.length ?? 0
