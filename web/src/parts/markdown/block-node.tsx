import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Diff } from '../diff/diff.tsx'
import { PlainText } from '../text/plain-text.tsx'
import { inlineNodes } from './inline-nodes.tsx'
import type { Alignment, Block, ListItem } from './parser/block.ts'

type Of<Type extends Block['type']> = Extract<Block, { type: Type }>

/** Items of a list and rows of a table that are shown at first, and added at each further wish. */
const itemsAtOnce = 500

/** Returns the node of a block. */
export function blockNode(block: Block): VNode {
  switch (block.type) {
    case 'heading':
      return headingNode(block)
    case 'paragraph':
      return <p>{inlineNodes(block.text)}</p>
    case 'code':
      return codeNode(block)
    case 'quote':
      return <blockquote>{block.blocks.map(blockNode)}</blockquote>
    case 'list':
      return <List list={block} />
    case 'table':
      return <Table table={block} />
    case 'rule':
      return <hr />
  }
}

/** All headings are of the second level of the page, because a text may leave out levels; they look as they are meant. */
const headingNode = ({ depth, text }: Of<'heading'>): VNode => <h2 data-level={depth}>{inlineNodes(text)}</h2>

function codeNode({ language, text }: Of<'code'>): VNode {
  if (/^(?:diff|patch)$/.test(language) && /^@@ -\d/m.test(text)) return <Diff patch={text} />
  return <PlainText text={text} label={`Code ${language}`.trim()} ansi={language === 'ansi'} />
}

function List({ list: { start, isLoose, items } }: { list: Of<'list'> }): VNode {
  const [limit, setLimit] = useState(itemsAtOnce)
  const shown = items.slice(0, limit).map((item, i) => itemNode(item, isLoose, i))
  return (
    <>
      {start === undefined ? <ul>{shown}</ul> : <ol start={start}>{shown}</ol>}
      <More count={items.length - limit} onMore={() => setLimit(limit + itemsAtOnce)} />
    </>
  )
}

const itemNode = ({ isDone, blocks }: ListItem, isLoose: boolean, key: number): VNode => (
  <li key={key} class={isDone === undefined ? '' : 'markdown-task'}>
    {isDone !== undefined && <span class="markdown-check">{isDone ? '☑' : '☐'} </span>}
    {blocks.map((block) =>
      block.type === 'paragraph' && !isLoose ? inlineNodes(block.text) : blockNode(block),
    )}
  </li>
)

function Table({ table: { alignments, header, rows } }: { table: Of<'table'> }): VNode {
  const [limit, setLimit] = useState(itemsAtOnce)
  return (
    <>
      <div class="markdown-table" role="region" aria-label="Table" tabIndex={0}>
        <table>
          <thead>
            <tr>
              {header.map((cell, i) => (
                <th class={classOf(alignments[i])}>{inlineNodes(cell)}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, limit).map((row, i) => (
              <tr key={i}>
                {row.map((cell, column) => (
                  <td class={classOf(alignments[column])}>{inlineNodes(cell)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <More count={rows.length - limit} onMore={() => setLimit(limit + itemsAtOnce)} />
    </>
  )
}

const classOf = (alignment: Alignment): string => (alignment ? `align-${alignment}` : '')

function More({ count, onMore }: { count: number; onMore: () => void }): VNode | null {
  if (count <= 0) return null
  return (
    <button type="button" class="show-all" data-cut onClick={onMore}>
      Show more ({count.toLocaleString()} are left)
    </button>
  )
}
