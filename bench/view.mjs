// Measures the view in a real browser under a fleet of 1,000 agents, 50 of which have 20 events a second each: the longest
// task of the page's thread, which a person feels from 50 ms on. node bench/view.mjs [rounds, 3] [seconds, 10]
// Needs the browser of the tests: CI=1 npm run test:browser installs it.
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { finish, row } from './lib/measure.mjs'
import { viewServer } from './lib/view-events.mjs'

const [rounds, seconds] = [Number(process.argv[2] ?? 3), Number(process.argv[3] ?? 10)]
const load = { agents: 1_000, busy: 50, perSecond: 20 }

/** Returns the path of the browser that the tests have installed; `undefined` if there is none. */
async function installedBrowser() {
  const cache = fileURLToPath(new URL('../node_modules/.cache/opencode-runtime-browser/', import.meta.url))
  try {
    const [folder] = readdirSync(cache).filter((name) => !name.includes('.'))
    return await createRequire(`${cache}${folder}/package.json`)('@sparticuz/chromium').executablePath()
  } catch {
    return undefined
  }
}

/** Returns the longest task of a page while the events come, in ms, and the number of events of that time. */
async function longestTask(
  /** @type {import('playwright-core').Browser} */ browser,
  /** @type {string} */ path,
) {
  const server = await viewServer(load)
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
  await page.goto(`${server.url}${path}`)
  await page.getByText('Live', { exact: true }).waitFor()
  // The load of the page itself is over.
  await page.waitForTimeout(1_000)
  const before = server.sent.events
  const longest = await page.evaluate(`new Promise((resolve) => {
    let longest = 0
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) longest = Math.max(longest, duration)
    }).observe({ type: 'longtask' })
    setTimeout(() => resolve(longest), ${seconds * 1_000})
  })`)
  const rate = (server.sent.events - before) / seconds
  await page.close()
  server.close()
  return { longest: Number(longest), rate }
}

const executablePath = await installedBrowser()
if (executablePath === undefined) {
  console.log('SKIPPED: no browser is installed (CI=1 npm run test:browser installs it)')
  finish([])
} else {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
  const rows = []
  for (const [name, path] of [
    ['all agents', '/'],
    ['one busy agent', '/agents/a0001'],
  ]) {
    const found = []
    for (let i = 0; i < rounds; i += 1) found.push(await longestTask(browser, path ?? '/'))
    console.log(
      `${name}: ${found.map(({ longest, rate }) => `${longest} ms at ${Math.round(rate)} events/s`).join(', ')}`,
    )
    const figure = `the view under 1,000 events a second of 1,000 agents: longest task over 50 ms on the page of ${name}, in ms (0: none)`
    rows.push(
      row(
        figure,
        found.map(({ longest }) => longest),
        '≤ 50',
      ),
    )
  }
  await browser.close()
  finish(rows)
}
