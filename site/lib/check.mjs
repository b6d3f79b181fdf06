// Checks the built site: every link leads to a page and a heading that exist, and no page loads anything from elsewhere.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, extname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const site = fileURLToPath(new URL('../.vitepress/dist', import.meta.url))
const base = process.env['DOCS_BASE'] ?? '/'
const files = readdirSync(site, { recursive: true }).map(String)
const read = (file) => readFileSync(join(site, file), 'utf8')
const pages = new Map(files.filter((file) => file.endsWith('.html')).map((file) => [file, read(file)]))
const faults = pages.size > 1 ? [] : ['there are no pages']

/** Returns the text of an attribute, without its entities. */
const plain = (text) => text.replaceAll('&amp;', '&').replaceAll('&#39;', "'")
const attributes = (text, name) =>
  [...text.matchAll(new RegExp(`\\s${name}="([^"]*)"`, 'g'))].map((m) => plain(m[1]))

/** Returns the file that an address of the site leads to. */
function fileOf(address, from) {
  const path = decodeURI(address)
  const file = path.startsWith('/') ? path.slice(base.length) : join(dirname(from), path)
  if (file === '' || file.endsWith('/')) return `${file}index.html`
  return extname(file) === '' || !existsSync(resolve(site, file))
    ? `${file.replace(/\.html$/, '')}.html`
    : file
}

/** Notes a link that leads nowhere. */
function checkLink(link, from) {
  if (/^[a-z]+:/i.test(link)) return
  const [address = '', hash = ''] = link.split('#')
  const file = address === '' ? from : fileOf(address, from)
  if (!existsSync(join(site, file))) faults.push(`${from}: ${link} leads to no file`)
  else if (hash !== '' && !pages.get(file)?.includes(`id="${decodeURIComponent(hash)}"`))
    faults.push(`${from}: ${link} leads to no heading`)
}

/** Notes what a page would load from another host: scripts, styles, pictures, frames. */
function checkLoads(html, from) {
  const loads = [
    ...[...html.matchAll(/<link\b[^>]*>/g)].flatMap(([tag]) => attributes(tag, 'href')),
    ...attributes(html, 'src'),
  ]
  for (const address of loads) if (/^(?:https?:)?\/\//.test(address)) faults.push(`${from}: loads ${address}`)
}

for (const [file, html] of pages) {
  for (const [tag] of html.matchAll(/<a\b[^>]*>/g))
    attributes(tag, 'href').forEach((link) => checkLink(link, file))
  checkLoads(html, file)
}
for (const file of files.filter((name) => name.endsWith('.css')))
  for (const [address] of read(file).matchAll(/(?:url\(|@import\s*)["']?(?:https?:)?\/\/[^)"']*/g))
    faults.push(`${file}: loads ${address}`)

if (faults.length > 0) throw new Error(`the site has faults:\n${[...new Set(faults)].join('\n')}`)
console.log(`${pages.size} pages: no dead link, nothing loaded from elsewhere`)
