import type { ComponentChildren, VNode } from 'preact'
import type { Token, Tokens } from 'marked'
import { prefixOf } from '../text/pieces.ts'
import { textNodes } from '../text/inline-text.tsx'
import { visibleText } from '../text/visible.ts'
import { withoutEntities } from './entities.ts'
import { isSafeImage, safeLink } from './safe-url.ts'

/** Returns the nodes of text with emphasis, code, links and images. */
export const inlineNodes = (tokens: readonly Token[]): ComponentChildren[] => tokens.map(inlineNode)

function inlineNode(token: Token): ComponentChildren {
  const { tokens } = token as Tokens.Generic
  switch (token.type) {
    case 'strong':
      return <strong>{inlineNodes(tokens ?? [])}</strong>
    case 'em':
      return <em>{inlineNodes(tokens ?? [])}</em>
    case 'del':
      return <del>{inlineNodes(tokens ?? [])}</del>
    case 'codespan':
      return <code>{textNodes((token as Tokens.Codespan).text)}</code>
    case 'br':
      return <br />
    case 'link':
      return linkNode(token as Tokens.Link)
    case 'image':
      return imageNode(token as Tokens.Image)
    case 'text':
      return tokens ? inlineNodes(tokens) : textNodes(withoutEntities((token as Tokens.Text).text))
    case 'escape':
      return textNodes((token as Tokens.Escape).text)
    default:
      // HTML, and whatever is not known, is shown as its source.
      return textNodes(token.raw)
  }
}

function linkNode({ href, text, tokens }: Tokens.Link): VNode {
  const address = withoutEntities(href)
  const link = safeLink(address, text)
  if (!link) return <span class="markdown-no-link">{inlineNodes(tokens)} {addressNode(address)}</span>
  return (
    <>
      <a href={link.href} target="_blank" rel="noopener noreferrer" title={visibleText(link.href)}>
        {inlineNodes(tokens)}
      </a>
      {link.host !== undefined && <> {addressNode(link.host)}</>}
    </>
  )
}

/** An image from elsewhere would tell its host who reads the text, so that its address is shown instead. */
function imageNode({ href, text }: Tokens.Image): VNode {
  if (isSafeImage(href)) return <img class="markdown-image" src={href} alt={visibleText(text)} loading="lazy" />
  return (
    <span class="markdown-no-link">
      Image {text !== '' && <>“{textNodes(text)}”</>} {addressNode(href)}
    </span>
  )
}

/** Longest part of an address that is shown. */
const longestAddress = 120

const addressNode = (address: string): VNode => (
  <code class="markdown-address" title="Not opened: only addresses of web and mail are links">
    {textNodes(prefixOf(address, longestAddress))}
    {address.length > longestAddress && '…'}
  </code>
)
