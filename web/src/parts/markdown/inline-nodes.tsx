import type { ComponentChildren, VNode } from 'preact'
import { prefixOf } from '../text/pieces.ts'
import { textNodes } from '../text/inline-text.tsx'
import { visibleText } from '../text/visible.ts'
import { inlinesOf } from './parser/inline.ts'
import type { Inline, InlineNode } from './parser/inline-node.ts'
import { isSafeImage, safeLink } from './safe-url.ts'

/** Returns the nodes of a text with emphasis, code, links and images. */
export const inlineNodes = (text: string): ComponentChildren[] => nodesOf(inlinesOf(text))

const nodesOf = (parts: readonly Inline[]): ComponentChildren[] =>
  parts.map((part) => (typeof part === 'string' ? textNodes(part) : nodeOf(part)))

function nodeOf(node: InlineNode): VNode {
  switch (node.type) {
    case 'strong':
    case 'em':
    case 'del': {
      const Tag = node.type
      return <Tag>{nodesOf(node.children)}</Tag>
    }
    case 'code':
      return <code>{textNodes(node.text)}</code>
    case 'break':
      return <br />
    case 'link':
      return <Link {...node} />
    case 'image':
      return <Image href={node.href} text={node.text} />
  }
}

function Link({ href, text, children }: { href: string; text: string; children: readonly Inline[] }): VNode {
  const link = safeLink(href, text)
  if (!link)
    return (
      <span class="markdown-no-link">
        {nodesOf(children)}{' '}
        <Address text={href} title="No link: only addresses of web and mail can be opened" />
      </span>
    )
  return (
    <>
      <a href={link.href} target="_blank" rel="noopener noreferrer" title={visibleText(link.href)}>
        {nodesOf(children)}
      </a>
      {link.host !== undefined && (
        <>
          {' '}
          <Address text={link.host} title="Host to which the link leads" />
        </>
      )}
    </>
  )
}

/** An image from elsewhere would tell its host who reads the text, so that its address is shown instead. */
function Image({ href, text }: { href: string; text: string }): VNode {
  if (isSafeImage(href))
    return <img class="markdown-image" src={href} alt={visibleText(text)} loading="lazy" />
  return (
    <span class="markdown-no-link">
      Image {text !== '' && <>“{textNodes(text)}” </>}
      <Address text={href} title="Not loaded: only images within the text are shown" />
    </span>
  )
}

/** Longest part of an address that is shown. */
const longestAddress = 120

function Address({ text, title }: { text: string; title: string }): VNode {
  return (
    <code class="markdown-address" title={title}>
      {textNodes(prefixOf(text, longestAddress))}
      {text.length > longestAddress && '…'}
    </code>
  )
}
