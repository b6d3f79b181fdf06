import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, inject, onTestFinished } from 'vitest'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import type { AgentSpec } from '../../src/index.ts'
import { fakeGateway, type FakeGatewayOptions, type GatewayClient } from '../support/gateway.ts'

const given = inject('browser')

/** Describes tests that need a browser; they are skipped where there is none. */
export const describeBrowser = describe.skipIf(given === null)

let connected: Promise<Browser> | undefined

/** Returns the browser that all test files share. */
const browser = (): Promise<Browser> => (connected ??= chromium.connect(given?.endpoint ?? ''))

afterAll(async () => {
  await (await connected)?.close()
})

/** Page of a test. */
export interface PageOptions {
  /** Path of the page. */
  path?: string
  width?: number
  height?: number
  colorScheme?: 'light' | 'dark'
  /** Token to log in with; null opens the page without a login. */
  token?: string | null
  context?: BrowserContextOptions
}

/** Gateway of a test, and its page. */
export interface ViewOptions extends FakeGatewayOptions, PageOptions {
  agents?: readonly AgentSpec[]
}

/** Serves a fleet on a fake opencode, and opens the view of its gateway in the browser. All is closed when the test finishes. */
export async function openView({
  agents = [{ id: 'a1' }],
  fleet,
  gateway,
  cluster,
  ...page
}: ViewOptions = {}) {
  const served = await fakeGateway({
    ...(fleet && { fleet }),
    ...(gateway && { gateway }),
    ...(cluster && { cluster }),
  })
  await served.fleet.apply(agents)
  const { url, client, all } = served
  const open = (more: PageOptions = {}) => openPage(url, { token: all.token, ...page, ...more })
  return { ...served, client, open, page: await open() }
}

/**
 * Opens a page of a gateway, logged in by the cookie, in a browser context of its own. The test fails if the page writes
 * an error to the console, or asks another host for anything.
 */
export async function openPage(url: string, options: PageOptions): Promise<Page> {
  const { path = '/', width = 1280, height = 800, colorScheme = 'light', token = null } = options
  const context = await (
    await browser()
  ).newContext({
    baseURL: url,
    viewport: { width, height },
    colorScheme,
    locale: 'en-US',
    timezoneId: 'UTC',
    ...options.context,
  })
  context.setDefaultTimeout(10_000)
  const page = await context.newPage()
  const faults = watch(page, url)
  onTestFinished(async () => {
    await context.close()
    expect(faults).toEqual([])
  })
  if (token !== null) await context.request.post('/v1/login', { data: { token }, headers: { origin: url } })
  await page.goto(path)
  return page
}

/** Messages of the console that a test expects, by page. */
const expected = new WeakMap<Page, RegExp[]>()

/** Allows an error in the console of a page, such as that of a request that the test lets fail. */
export const expectFault = (page: Page, text: RegExp): void =>
  void expected.set(page, [...(expected.get(page) ?? []), text])

/** Collects what a page must not do. */
function watch(page: Page, url: string): string[] {
  const faults: string[] = []
  const add = (text: string): void => {
    if (!expected.get(page)?.some((each) => each.test(text))) faults.push(text)
  }
  page.on('pageerror', (error) => add(`error: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error') add(`console: ${message.text()}`)
  })
  page.on('request', (request) => {
    const isOwn = request.url().startsWith(url) || /^(data|blob):/.test(request.url())
    if (!isOwn) add(`request: ${request.url()}`)
  })
  return faults
}

/** Rule of accessibility that a page breaks. */
interface AxeResult {
  violations: { id: string; help: string; nodes: { target: string[]; failureSummary: string }[] }[]
}

/** Returns what axe finds on a page, each as one text. */
export async function axeFaults(page: Page): Promise<string[]> {
  // Run by the debugger: the policy of the page allows no script from elsewhere.
  await page.evaluate(given?.axe ?? '')
  const run = 'axe.run(document, { resultTypes: ["violations"] })'
  const { violations } = await page.evaluate<AxeResult>(run)
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help}: ${target.join(' ')}: ${failureSummary}`),
  )
}

/** Folder of the pictures of a run; git ignores it. */
const pictures = join(import.meta.dirname, 'pictures')

/** Takes pictures of a page as it is: light and dark, as wide as a desktop and as narrow as a phone. */
export async function takePictures(page: Page, name: string): Promise<void> {
  await mkdir(pictures, { recursive: true })
  const before = page.viewportSize() ?? { width: 1280, height: 800 }
  for (const { kind, width, height } of [
    { kind: 'wide', width: 1440, height: 900 },
    { kind: 'narrow', width: 360, height: 740 },
  ])
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize({ width, height })
      await page.emulateMedia({ colorScheme })
      const path = join(pictures, `${name}-${kind}-${colorScheme}.png`)
      await page.screenshot({ path, animations: 'disabled' })
    }
  await page.setViewportSize(before)
}

export type { GatewayClient, Page }
