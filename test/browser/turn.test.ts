import { expect, it } from 'vitest'
import { askingScript } from '../support/asking-turn.ts'
import { giant, hostile, refused, slow, tour } from './turn-script.ts'
import {
  axeFaults,
  describeBrowser,
  expectFault,
  openView,
  takePictures,
  type GatewayClient,
  type Page,
} from './view.ts'

const script = [tour, hostile, giant, slow, refused, ...askingScript]

/** Opens the page of a turn that begins now. */
async function openTurn(text: string) {
  const view = await openView({
    agents: [{ id: 'a1', maxAttachmentBytes: 1_000 }],
    fleet: { script },
    path: '/usage',
  })
  const id = await startTurn(view.client, text)
  await view.page.goto(`/turns/${id}`)
  return { ...view, id }
}

async function startTurn(client: GatewayClient, text: string): Promise<string> {
  const body = { text, on_permission: 'once', on_question: 'ask' }
  const answer = await client.call('POST', '/v1/agents/a1/turns', body)
  return answer.headers.get('turn-id') ?? ''
}

const inState = (page: Page, state: string) =>
  page
    .getByRole('status')
    .filter({ hasText: new RegExp(`^${state}$`) })
    .waitFor()

/** Returns the tool calls of a page by a text of their line. */
const callOf = (page: Page, text: string) => page.locator('.tool-call').filter({ hasText: text }).first()

describeBrowser('the page of a turn', () => {
  it('shows reasoning, text and tool calls as they come, their input, output and time, and the usage', async () => {
    const { page } = await openTurn('Fix the last line')
    await inState(page, 'Done')
    const reasoning = page.locator('.turn-reasoning')
    await reasoning.filter({ hasText: 'Reasoning 18 words' }).waitFor()
    expect(await reasoning.getByText('at its tests').count()).toBe(0)
    await reasoning.locator('summary').click()
    await reasoning.getByText('at its tests').waitFor()
    const edit = callOf(page, 'edit')
    await edit.locator('summary').click()
    await edit.locator('.diff-add').waitFor()
    expect(await edit.locator('.diff-add .diff-text').allInnerTexts()).toEqual([
      "if (lines.at(-1) === '') lines.pop()",
    ])
    const bash = callOf(page, 'printf')
    await bash.locator('summary').click()
    expect((await bash.getByLabel('Output of bash').innerText()).trimEnd()).toBe(
      'lines\n✓ keeps the last line (3 ms)\n✗ takes a lone return skipped',
    )
    await callOf(page, 'sleep')
      .locator('.tool-time')
      .filter({ hasText: /^\d+ ms$/ })
      .waitFor()
    await callOf(page, 'missing.ts').getByText('Failed').waitFor()
    await page.getByRole('heading', { name: 'What I changed' }).waitFor()
    await page.getByRole('cell', { name: 'keeps the rest of the buffer' }).waitFor()
    await page.locator('.turn-facts').getByText('4.1k').waitFor()
    await page.getByText('Fix the last line').waitFor()
    await page.evaluate(() => scrollTo(0, 0))
    await takePictures(page, 'turn')
    expect(await axeFaults(page)).toEqual([])
  })

  it('runs and loads nothing of what an agent writes, shows what cannot be seen, and cuts what is too long', async () => {
    const { page, client } = await openTurn('hostile')
    await inState(page, 'Done')
    await callOf(page, 'printf').locator('summary').click()
    await page.locator('.turn-reasoning summary').click()
    const found = await page.evaluate(() => ({
      title: document.title,
      foreign: document.querySelectorAll(
        '.turn-main :is(script, style, iframe, object, embed, form form, svg script)',
      ).length,
      links: [...document.querySelectorAll<HTMLAnchorElement>('.markdown a')].map((link) => link.href),
      rels: [...document.querySelectorAll<HTMLAnchorElement>('.markdown a')].map(({ rel, target }) => [
        rel,
        target,
      ]),
      images: [...document.querySelectorAll<HTMLImageElement>('.turn-main img')].map(({ src }) =>
        src.slice(0, 22),
      ),
    }))
    expect(found).toEqual({
      title: expect.not.stringContaining('owned') as unknown,
      foreign: 0,
      links: ['https://evil.example/', 'https://evil.example/login', 'https://x.example/a'],
      rels: [
        ['noopener noreferrer', '_blank'],
        ['noopener noreferrer', '_blank'],
        ['noopener noreferrer', '_blank'],
      ],
      images: ['data:image/png;base64,'],
    })
    const text = await page.locator('.turn-main').innerText()
    for (const shown of [
      "<script>document.title='owned'</script>",
      'javascript:document.title',
      'https://evil.example/pixel.png',
    ])
      expect(text).toContain(shown)
    expect(text).toContain('rm -rf U+202E/ safeU+202C now, payU+200Bpal')
    expect((await page.getByLabel('Output of bash').innerText()).trimEnd()).toBe('<b>bold</b>red U+202Eevil')
    await page.locator('.markdown-address').filter({ hasText: 'evil.example' }).first().waitFor()
    await page.evaluate(() => scrollTo(0, 0))
    await takePictures(page, 'turn-hostile')
    expect(await axeFaults(page)).toEqual([])

    // Giant lines are cut, and the rest of a long text is shown when asked for.
    await page.goto(`/turns/${await startTurn(client, 'giant')}`)
    await inState(page, 'Done')
    const size = () => page.evaluate(() => document.querySelectorAll('*').length)
    expect(await size()).toBeLessThan(5_000)
    const count = callOf(page, 'seq')
    await count.locator('summary').click()
    const output = count.getByLabel('Output of bash')
    expect((await output.innerText()).trimEnd().split('\n').at(-1)).toBe('60')
    await count.getByRole('button', { name: 'Show all 100,000 lines' }).click()
    expect((await output.evaluate((node) => node.textContent)).trimEnd().slice(-13)).toBe('\n99999\n100000')
    const line = callOf(page, 'head -c')
    await line.locator('summary').click()
    expect((await line.getByLabel('Output of bash').innerText()).length).toBeLessThan(3_000)
    await line.getByRole('button', { name: /show all 1,000,000 characters/ }).click()
    expect((await line.getByLabel('Output of bash').innerText()).length).toBe(1_000_000)
    expect(await size()).toBeLessThan(6_000)
  })

  it('draws only the last block while a text grows, cancels a turn, and tells a failure in plain words', async () => {
    const { page, client } = await openTurn('slow')
    const first = page.locator('.markdown > p').first()
    await page.locator('.markdown > p').nth(3).waitFor()
    await first.evaluate((node) => {
      const seen = { changes: 0 }
      Object.assign(globalThis, { seen })
      new MutationObserver((all) => (seen.changes += all.length)).observe(node, {
        subtree: true,
        childList: true,
        characterData: true,
        attributes: true,
      })
    })
    await inState(page, 'Done')
    expect(await page.locator('.markdown > p').count()).toBe(40)
    expect(
      await page.evaluate(() => (globalThis as unknown as { seen: { changes: number } }).seen.changes),
    ).toBe(0)
    expect(await first.innerText()).toMatch(/^word0 word1 .* word9\.$/)

    await page.goto(`/turns/${await startTurn(client, 'slow')}`)
    await page.getByText('word0 word1').waitFor()
    await page.getByRole('button', { name: 'Cancel turn' }).click()
    await inState(page, 'Cancelled')
    await page.getByRole('heading', { name: 'The turn was cancelled' }).waitFor()
    expect(await page.getByRole('button', { name: 'Cancel turn' }).count()).toBe(0)
    await page.goto(`/turns/${await startTurn(client, 'refused')}`)
    await inState(page, 'Failed')
    await page.getByRole('heading', { name: 'The model provider refused the key' }).waitFor()
    await page.getByText('Renew the key of the agent’s proxy').waitFor()
    await takePictures(page, 'turn-failed')
    expect(await axeFaults(page)).toEqual([])
    expectFault(page, /404/)
    await page.goto('/turns/none')
    await page.getByText('There is no turn').waitFor()
  })

  it('asks more in the same session, with files that can be sent, and answers what the agent asks', async () => {
    const { page, client, id } = await openTurn('echo:first')
    await inState(page, 'Done')
    const files = page.getByLabel('Files', { exact: true })
    await files.setInputFiles({
      name: 'a.zip',
      mimeType: 'application/zip',
      buffer: Buffer.from([80, 75, 3, 4, 0]),
    })
    await page.getByText('a.zip is of a kind that no model takes').waitFor()
    await files.setInputFiles({
      name: 'big.txt',
      mimeType: 'text/plain',
      buffer: Buffer.alloc(2_000, 'x'),
    })
    await page.getByText('big.txt is too large').waitFor()
    await files.setInputFiles({
      name: 'notes.ts',
      mimeType: 'video/mp2t',
      buffer: Buffer.from('const a = 1'),
    })
    await page.getByRole('list', { name: 'Files that are sent' }).getByText('notes.ts').waitFor()
    await page.getByLabel('Ask a1').fill('echo:second')
    await page.getByLabel('Ask a1').press('Control+Enter')
    await page.waitForURL((url) => url.pathname.startsWith('/turns/') && !url.pathname.endsWith(id))
    await inState(page, 'Done')
    await page.getByLabel('Prompt').getByText('echo:second').waitFor()
    await page.getByText('notes.ts').waitFor()
    const { items } = (await client.call('GET', '/v1/turns')).body as { items: { session_id: string }[] }
    expect(items[0]?.session_id).toBe(items[1]?.session_id)

    // A request is answered at the call that asks.
    await page.goto(`/turns/${await startTurn(client, 'ask me')}`)
    await inState(page, 'Waits for an answer')
    await takePictures(page, 'turn-asks')
    expect(await axeFaults(page)).toEqual([])
    const call = callOf(page, 'question')
    await call.getByRole('radio', { name: /yes/ }).check()
    await call.getByRole('button', { name: 'Send answer' }).click()
    await inState(page, 'Done')
    await page.getByText('done', { exact: true }).waitFor()
  })
})
