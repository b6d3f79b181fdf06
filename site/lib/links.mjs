// A plugin of markdown-it: leads links between files of the repository to the pages of the site.
import { addressOf } from './pages.mjs'

const isElsewhere = (link) => /^(?:[a-z][a-z+.-]*:|\/|#)/i.test(link)

/** Points a link to its page. A link to a file that is no page, such as a source, becomes plain text. */
function lead(open, close, from) {
  const link = open.attrGet('href') ?? ''
  if (isElsewhere(link)) return
  const address = addressOf(link, from)
  if (address !== undefined) return open.attrSet('href', address)
  for (const token of [open, close]) token.tag = 'span'
  open.attrs = [['title', link.replace(/^(\.\.?\/)+/, '')]]
  open.type = 'repository_file_open'
}

/** Adds the plugin to a renderer of VitePress. */
export function links(markdown) {
  markdown.core.ruler.push('links', ({ tokens, env }) => {
    for (const { children } of tokens)
      children?.forEach((token, i) => {
        if (token.type !== 'link_open') return
        const close = children.slice(i).find(({ type }) => type === 'link_close')
        lead(token, close, env.realPath ?? env.path)
      })
  })
}
