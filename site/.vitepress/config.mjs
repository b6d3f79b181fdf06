import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { slug } from 'github-slugger'
import { defineConfig } from 'vitepress'
import { checkDiagrams, diagrams } from '../lib/diagrams.mjs'
import { links } from '../lib/links.mjs'
import { notPages, pageOf, repository } from '../lib/pages.mjs'
import { api, docs } from '../lib/sidebar.mjs'

const { version, description } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))
/** Path of the site on its host, such as `/opencode-runtime/`. */
const base = process.env['DOCS_BASE'] ?? '/'

/** A plugin of Vite: pages are outside of this folder, so that their imports of Vue would not be found. */
const vueOfTheSite = {
  name: 'vue-of-the-site',
  enforce: 'pre',
  resolveId(name, importer, { ssr }) {
    if (!/^vue(\/|$)/.test(name)) return
    if (ssr) return { id: name, external: true }
    if (importer?.endsWith('.md'))
      return this.resolve(name, join(repository, 'site/index.md'), { skipSelf: true })
  },
}

export default defineConfig({
  title: 'opencode-runtime',
  description,
  lang: 'en',
  base,
  srcDir: repository,
  srcExclude: notPages,
  rewrites: pageOf,
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: `${base}logo.svg` }]],
  // Headings are named as on GitHub, so that one link serves both.
  markdown: {
    anchor: { slugify: slug },
    config: (markdown) => void markdown.use(links).use(diagrams),
  },
  async transformPageData({ filePath }) {
    await checkDiagrams(readFileSync(join(repository, filePath), 'utf8'), filePath)
  },
  vite: {
    plugins: [vueOfTheSite],
    publicDir: join(repository, 'site/public'),
    build: { chunkSizeWarningLimit: 2000 },
  },
  themeConfig: {
    logo: '/logo.svg',
    search: { provider: 'local' },
    outline: [2, 3],
    externalLinkIcon: true,
    nav: [
      { text: 'Getting started', link: '/getting-started' },
      { text: 'Guides', link: '/guides/chat-sessions', activeMatch: '^/(guides|production|examples)' },
      { text: 'Reference', link: '/reference/options', activeMatch: '^/reference/(?!api)' },
      { text: 'API', link: '/reference/api/', activeMatch: '^/reference/api' },
      { text: version, items: [{ text: 'Changes', link: '/project/changelog' }] },
    ],
    sidebar: { '/reference/api/': api, '/': docs },
  },
})
