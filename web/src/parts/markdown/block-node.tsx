import type { ComponentChildren, JSX, VNode } from 'preact'
import type { Token, Tokens } from 'marked'
import { CopyButton } from '../copy-button.tsx'
import { Diff } from '../diff/diff.tsx'
import { textNodes } from '../text/inline-text.tsx'
import { PlainText } from '../text/plain-text.tsx'
import { inlineNodes } from './inline-nodes.tsx'

/** Items of a list and rows of a table that are shown; further ones are counted. */
const mostItems = 500

/** Returns the node of a block; `null` for blank lines and definitions. */
export function blockNode(token: Token): VNode | null {
  // The tokens of an extension would have any other type; there are none.
  const block = token as Tokens.Generic & Exclude<Token, Tokens.Generic>
  switch (block.type) {
    case 'heading':
      return headingNode(block as Tokens.Heading)
    case 'code':
      return codeNode(block as Tokens.Code)
    case 'list':
      return listNode(block as Tokens.List)
    case 'table':
      return tableNode(block as Tokens.Table)
    case 'blockquote':
      return <blockquote>{blockNodes(token)}</blockquote>
    case 'hr':
      return <hr />
    case 'space':
    case 'def':
      return null
    case 'html':
      return <p class="markdown-source">{textNodes(token.raw.trimEnd())}</p>
    case 'text':
      return <>{inlineNodes(childrenOf(token) ?? [token])}</>
    default:
      return <p>{inlineNodes(childrenOf(token) ?? [token])}</p>
  }
}

const childrenOf = (token: Token): Token[] | undefined => (token as Tokens.Generic).tokens

const blockNodes = (token: Token): (VNode | null)[] => (childrenOf(token) ?? []).map(blockNode)

/** The page has the first levels, so that the highest heading of a text is of the third one. */
function headingNode({ depth, tokens }: Tokens.Heading): VNode {
  const Heading = (['h3', 'h4', 'h5', 'h6'] as const)[depth - 1] ?? 'h6'
  return <Heading class={`markdown-h${depth}`}>{inlineNodes(tokens)}</Heading>
}

function codeNode({ lang = '', text }: Tokens.Code): VNode {
  if (/^(?:diff|patch)\b/.test(lang) && /^@@ -\d/m.test(text)) return <Diff patch={text} />
  return (
    <div class="markdown-code">
      <CopyButton text={text} />
      <PlainText text={text} label={`Code ${lang}`.trim()} ansi={lang === 'ansi'} />
    </div>
  )
}

function listNode({ ordered, start, items }: Tokens.List): VNode {
  const shown = items.slice(0, mostItems).map((item, i) => (
    <li key={i} class={item.task ? 'markdown-task' : undefined}>
      {item.task && <span class="markdown-check">{item.checked ? '☑' : '☐'} </span>}
      {item.tokens.map((token) => (token.type === 'checkbox' ? null : blockNode(token)))}
    </li>
  ))
  const list = ordered ? <ol start={start === '' ? 1 : start}>{shown}</ol> : <ul>{shown}</ul>
  return <Limited rest={items.slice(mostItems)}>{list}</Limited>
}

function tableNode({ header, rows }: Tokens.Table): VNode {
  return (
    <Limited rest={rows.slice(mostItems).map((row) => ({ raw: row.map(({ text }) => text).join(' | ') }))}>
      <div class="markdown-table" role="region" aria-label="Table" tabIndex={0}>
        <table>
          <thead>
            <tr>{header.map((cell) => cellNode(cell, 'th'))}</tr>
          </thead>
          <tbody>
            {rows.slice(0, mostItems).map((row, i) => (
              <tr key={i}>{row.map((cell) => cellNode(cell, 'td'))}</tr>
            ))}
          </tbody>
        </table>
      </div>
    </Limited>
  )
}

const cellNode = ({ tokens, align }: Tokens.TableCell, Cell: 'th' | 'td'): JSX.Element => (
  <Cell class={align ? `markdown-${align}` : undefined}>{inlineNodes(tokens)}</Cell>
)

/** Shows the first of many items, and the others as plain text. */
function Limited({
  rest,
  children,
}: {
  rest: readonly { raw: string }[]
  children: ComponentChildren
}): VNode {
  if (rest.length === 0) return <>{children}</>
  const text = rest.map(({ raw }) => raw.trimEnd()).join('\n')
  return (
    <>
      {children}
      <PlainText text={text} label="Further items" lines={20} />
    </>
  )
}
