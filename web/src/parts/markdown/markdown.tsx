import { Component, type VNode } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { PlainText } from '../text/plain-text.tsx'
import { blockNode } from './block-node.tsx'
import { MarkdownDocument, type PlacedBlock } from './document.ts'
import './markdown.css'

/** Largest text that is read as Markdown, in characters; the rest is shown as it is. */
const mostChars = 100_000

/** Blocks that are shown at first, and added at each further wish. */
const blocksAtOnce = 500

/** Properties of {@link Markdown}. */
export interface MarkdownProps {
  text: string
  /** True while text is added: only the last block is drawn again. */
  isStreaming?: boolean
}

/** Shows a Markdown text of others: HTML as text, images only if they are in the text, links only to web and mail. */
export function Markdown({ text, isStreaming = false }: MarkdownProps): VNode {
  const document = useMemo(() => new MarkdownDocument(), [])
  const calm = useCalmed(text, isStreaming && document.openLength > largeBlock)
  const [limit, setLimit] = useState(blocksAtOnce)
  const end = headLength(calm)
  const blocks = useMemo(() => document.update(calm.slice(0, end)), [calm, end])
  return (
    <div class="markdown" dir="auto">
      {blocks.slice(0, limit).map((placed) => (
        <BlockView key={placed.key} placed={placed} />
      ))}
      {blocks.length > limit && (
        <button type="button" class="show-all" data-cut onClick={() => setLimit(limit + blocksAtOnce)}>
          Show more ({(blocks.length - limit).toLocaleString()} further paragraphs)
        </button>
      )}
      {end < calm.length && <PlainText text={calm.slice(end)} label="Rest of the text" />}
    </div>
  )
}

/** Returns the length of the part that is read as Markdown, in whole lines if possible. */
function headLength(text: string): number {
  if (text.length <= mostChars) return text.length
  return text.lastIndexOf('\n', mostChars) + 1 || mostChars
}

/** Size of a last block from which on it is drawn less often, in characters. */
const largeBlock = 16_384
const calmMs = 300

/** Returns a text that changes at most some times a second while a large block grows. */
function useCalmed(text: string, isLarge: boolean): string {
  const [shown, setShown] = useState(text)
  const latest = useRef(text)
  latest.current = text
  useEffect(() => {
    if (!isLarge) return
    setShown(latest.current)
    const timer = setInterval(() => setShown(latest.current), calmMs)
    return () => clearInterval(timer)
  }, [isLarge])
  return isLarge && text.startsWith(shown) ? shown : text
}

/** Shows a block; a block that has not changed is not drawn again. */
class BlockView extends Component<{ placed: PlacedBlock }> {
  override shouldComponentUpdate({ placed }: { placed: PlacedBlock }): boolean {
    return placed.block !== this.props.placed.block
  }

  override render(): VNode {
    return blockNode(this.props.placed.block)
  }
}
