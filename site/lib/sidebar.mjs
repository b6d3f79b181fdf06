// The sidebar: the folders of docs by kind. A new page appears by itself, after those that `order` names.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pageOf, repository } from './pages.mjs'

/** Files of a section, in reading order; a name that has no file yet is left out. */
const order = {
  guides: [
    'docs/guides/chat-sessions.md',
    'docs/guides/typed-answers.md',
    'docs/guides/host-tools.md',
    'docs/guides/conversations.md',
    'docs/guides/permissions.md',
    'docs/guides/http-sse.md',
    'docs/guides/nest-and-angular.md',
    'docs/guides/next-and-hot-reload.md',
    'docs/guides/own-machine.md',
    'docs/guides/fleet.md',
    'docs/guides/gateway.md',
    'docs/guides/python.md',
    'docs/guides/openai.md',
    'docs/deploy.md',
    'docs/guides/isolating-tenants.md',
    'docs/guides/ci.md',
    'docs/production.md',
    'docs/guides/troubleshooting.md',
    'docs/guides/testing.md',
    'docs/guides/testing-models.md',
  ],
  reference: [
    'options',
    'replies',
    'errors',
    'provider-failures',
    'lifecycle',
    'cli',
    'gateway',
    'observability',
  ].map((name) => `docs/reference/${name}.md`),
  explanation: ['architecture', 'opencode-protocol', 'security'].map((name) => `docs/explanation/${name}.md`),
}

/** Names in the sidebar that are shorter than the page's title, or that tell two pages apart. */
const names = {
  'ARCHITECTURE.md': 'Rooms of the code',
  'SECURITY.md': 'Reporting a vulnerability',
  'bench/results.md': 'Measured',
  'examples/chat-service/README.md': 'Example: a chat service',
  'examples/python/README.md': 'Example: Python',
  'examples/user-bot/README.md': 'Example: an agent for each user',
  'docs/production.md': 'Production',
  'docs/guides/testing-models.md': 'Testing with models',
}

const read = (file) => readFileSync(join(repository, file), 'utf8')
const titleOf = (file) => /^# (.+)$/m.exec(read(file))?.[1]?.replaceAll('`', '') ?? file

const itemOf = (file) => ({
  text: names[file] ?? titleOf(file),
  link: `/${pageOf(file).replace(/(?:index)?\.md$/, '')}`,
})

/** Returns the Markdown files of a folder of docs. */
const inFolder = (folder) =>
  readdirSync(join(repository, 'docs', folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${folder}/${name}`)

/** Returns the items of a section: the named files that exist, then the rest of the folder. */
function itemsOf(folder) {
  const files = new Set([...order[folder], ...inFolder(folder).sort()])
  return [...files].filter((file) => existsSync(join(repository, file))).map(itemOf)
}

const examples = readdirSync(join(repository, 'examples'))
  .map((name) => `examples/${name}/README.md`)
  .filter((file) => existsSync(join(repository, file)))

/** Sections of the docs. */
export const docs = [
  { text: 'Getting started', items: [itemOf('docs/getting-started.md')] },
  { text: 'Guides', items: [...itemsOf('guides'), ...examples.map(itemOf)] },
  { text: 'Reference', items: [...itemsOf('reference'), { text: 'API', link: '/reference/api/' }] },
  { text: 'Explanation', items: itemsOf('explanation') },
  {
    text: 'Project',
    items: ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'bench/results.md', 'SECURITY.md'].map(
      itemOf,
    ),
  },
]

/** Returns the items of one kind of names of an entry, such as its functions. */
function kindOf(entry, kind) {
  const folder = `site/api/${entry}/${kind}`
  if (!existsSync(join(repository, folder))) return []
  const items = readdirSync(join(repository, folder))
    .sort((a, b) => a.localeCompare(b, 'en'))
    .map((name) => ({ ...itemOf(`${folder}/${name}`), text: name.replace(/\.md$/, '') }))
  const [first = '', ...rest] = kind.replace('-', ' ')
  return [{ text: first.toUpperCase() + rest.join(''), collapsed: true, items }]
}

const kinds = ['classes', 'functions', 'variables', 'interfaces', 'type-aliases']
const entryOf = (entry) => ({
  text: entry,
  link: itemOf(`site/api/${entry}/index.md`).link,
  items: kinds.flatMap((kind) => kindOf(entry, kind)),
})

/** The names that the package exports, as typedoc found them. */
export const api = [
  { text: 'All docs', link: '/getting-started' },
  entryOf('opencode-runtime'),
  entryOf('opencode-runtime/testing'),
]
