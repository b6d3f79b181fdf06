// A plugin of markdown-it: shows mermaid's code blocks as pictures, and refuses what mermaid cannot read.
import { Window } from 'happy-dom'

// Mermaid wants a document, also to read a diagram.
globalThis.window ??= new Window()
globalThis.document ??= globalThis.window.document
const { default: mermaid } = await import('mermaid')
delete globalThis.window
delete globalThis.document

/** Throws if a page has a diagram that mermaid cannot read. */
export async function checkDiagrams(text, file) {
  for (const [, code] of text.matchAll(/^```mermaid\n(.*?)^```$/gms))
    await mermaid.parse(code).catch((error) => {
      throw new Error(`${file}: a diagram cannot be read: ${error.message}`)
    })
}

/** Adds the plugin to a renderer of VitePress; the component `Diagram` of the theme draws the pictures. */
export function diagrams(markdown) {
  const { fence } = markdown.renderer.rules
  markdown.renderer.rules.fence = (tokens, i, options, env, self) => {
    const { info, content } = tokens[i]
    if (info.trim() !== 'mermaid') return fence(tokens, i, options, env, self)
    return `<Diagram code="${encodeURIComponent(content)}" />`
  }
}
