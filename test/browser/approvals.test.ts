import { expect, it } from 'vitest'
import type { Page } from 'playwright-core'
import { buttonOf, cardOf, openApprovals, waitForOpen, type ToolCall } from './asking-agents.ts'
import { axeFaults, describeBrowser, expectFault, takePictures } from './view.ts'

const build: ToolCall = ['bash', { command: 'rm -rf build && npm ci', description: 'Builds again' }]
const long: ToolCall = ['bash', { command: Array.from({ length: 80 }, (_, i) => `echo ${i}`).join('\n') }]
const remove: ToolCall = ['crm_delete', { customer: 'c-17', reason: 'asked \u202e for it' }]
const change: ToolCall = [
  'edit',
  {
    filePath: 'src/server.ts',
    patchText: [
      '--- a/src/server.ts',
      '+++ b/src/server.ts',
      '@@ -1,3 +1,4 @@',
      " import { createServer } from 'node:http'",
      '-const port = 80',
      '+const port = Number(process.env.PORT ?? 8080)',
      "+const host = '127.0.0.1'",
      ' createServer(handle).listen(port)',
    ].join('\n'),
  },
]
const questions: ToolCall = [
  'question',
  {
    questions: [
      {
        question: 'Which database?',
        header: 'Database',
        options: [
          { label: 'PostgreSQL', description: 'Runs on the host' },
          { label: 'SQLite', description: 'One file' },
        ],
      },
      {
        question: 'Which checks?',
        header: 'Checks',
        multiple: true,
        options: [
          { label: 'Lint', description: '' },
          { label: 'Tests', description: '4 minutes' },
        ],
      },
    ],
  },
]

/** Clicks on the first answer button of a page at once when it appears, and notes when it begins to work. */
function watchButtons(page: Page): Promise<void> {
  return page.evaluate(() => {
    const notes = { appeared: 0, enabled: 0, wasDisabled: false }
    Object.assign(window, { notes })
    const look = () => {
      const button = document.querySelector<HTMLButtonElement>('[data-answer=once]')
      if (!button) return
      if (notes.appeared === 0) {
        notes.appeared = performance.now()
        notes.wasDisabled = button.disabled
      }
      if (button.disabled) button.click()
      else if (notes.enabled === 0) notes.enabled = performance.now()
    }
    new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true })
  })
}

const notesOf = (page: Page) =>
  page.evaluate(
    () => (window as unknown as { notes: { appeared: number; enabled: number; wasDisabled: boolean } }).notes,
  )

describeBrowser('the approvals', () => {
  it('show all of what is asked, and take an answer half a second after a request has appeared', async () => {
    const { page, ask, openIds, resultsOf } = await openApprovals({ calls: [build] })
    await page.getByText('Nothing waits for an answer').waitFor()
    await watchButtons(page)
    const turnId = await ask(build)
    const card = cardOf(page)
    await card.getByText('rm -rf build && npm ci').waitFor()
    await card.getByText('Builds again').waitFor()
    await page.locator('[data-answer=once]:enabled').waitFor()
    const { appeared, enabled, wasDisabled } = await notesOf(page)
    expect(wasDisabled).toBe(true)
    expect(enabled - appeared).toBeGreaterThanOrEqual(499)
    expect(await openIds()).toHaveLength(1)
    expect(await page.title()).toMatch(/^\(1\) Approvals/)
    await buttonOf(page, 'Allow once').click()
    await card.getByText('You allowed it once').waitFor()
    expect(await page.locator('[data-request-id]').count()).toBe(0)
    expect(await resultsOf(turnId)).toEqual(['done'])
    expect(await page.title()).toMatch(/^Approvals/)
  })

  it('take no answer before a long command was scrolled to its end', async () => {
    const { page, ask, openIds, resultsOf } = await openApprovals({ calls: [long] })
    const turnId = await ask(long)
    await page.getByText('Scroll to the end of what is asked').waitFor()
    // Longer than a request has to rest.
    await page.waitForFunction(() => performance.now() > 0 && document.querySelector('[data-answer=once]'))
    await watchButtons(page)
    await page.locator('.approvals-box').evaluate((box) => box.scrollBy(0, 200))
    await expect(buttonOf(page, 'Allow once').click({ timeout: 900 })).rejects.toThrow(/not enabled/)
    expect(await openIds()).toHaveLength(1)
    await page.locator('.approvals-box').evaluate((box) => box.scrollTo(0, box.scrollHeight))
    await cardOf(page).getByLabel('Reason for Reject').fill('Not today')
    await buttonOf(page, 'Reject').click()
    await cardOf(page).getByText('You rejected it').waitFor()
    expect((await resultsOf(turnId)).join()).toContain('Not today')
  })

  it('take no answer by keys to what was not on the screen, and show it', async () => {
    const { page, ask, openIds } = await openApprovals({ calls: [questions] })
    await page.setViewportSize({ width: 800, height: 300 })
    await ask(questions)
    await cardOf(page).waitFor()
    await cardOf(page)
      .getByRole('checkbox', { name: 'Lint' })
      .evaluate((box: HTMLElement) => box.click())
    await page.locator('[data-answer=reject]:enabled').evaluate((button: HTMLElement) => button.click())
    await cardOf(page).getByText('This was not on the screen yet').waitFor()
    expect(await openIds()).toHaveLength(1)
    await page.locator('[data-seen=seen]').waitFor()
    await buttonOf(page, 'Reject').click()
    await cardOf(page).getByText('You rejected it').waitFor()
  })

  it('show the input of a tool whose request tells nothing, and characters that cannot be seen', async () => {
    const { page, ask } = await openApprovals({ calls: [remove] })
    await ask(remove)
    await cardOf(page).getByText('c-17').waitFor()
    await cardOf(page).getByText('U+202E').waitFor()
    await buttonOf(page, 'Always allow').click()
    await cardOf(page).getByText('You allowed it for always').waitFor()
  })

  it('ask for the consent of the person if nobody can tell what the call does', async () => {
    const { page, fleet, openIds } = await openApprovals({ calls: [remove] })
    expectFault(page, /404/)
    // The gateway has no log of a turn that the host itself starts.
    const turn = fleet.agent('a1').turn({ text: JSON.stringify(remove), onPermission: 'ask' })
    await cardOf(page).getByText('The gateway has no tool call for this request').waitFor()
    expect(await buttonOf(page, 'Allow once').isDisabled()).toBe(true)
    await cardOf(page).getByRole('checkbox').check()
    await buttonOf(page, 'Allow once').click()
    await cardOf(page).getByText('You allowed it once').waitFor()
    expect(await openIds()).toEqual([])
    expect(await turn.done).toMatchObject({ kind: 'final' })
  })

  it('begin to wait again when the buttons move', async () => {
    const { page, ask } = await openApprovals({ calls: [build] })
    await ask(build)
    await page.locator('[data-answer=once]:enabled').waitFor()
    const disabledAfter = await page.evaluate(async () => {
      document.querySelector('main')?.style.setProperty('padding-top', '120px')
      const button = document.querySelector<HTMLButtonElement>('[data-answer=once]')
      const start = performance.now()
      while (!button?.disabled && performance.now() - start < 2_000) await new Promise(requestAnimationFrame)
      const moved = performance.now()
      while (button?.disabled) await new Promise(requestAnimationFrame)
      return { moved: moved - start, again: performance.now() - moved }
    })
    expect(disabledAfter.moved).toBeLessThan(400)
    expect(disabledAfter.again).toBeGreaterThan(400)
  })

  it('count one answer of two people, and tell the other person', async () => {
    const { page, open, client, ask, openIds } = await openApprovals({ calls: [build, remove] })
    const other = await open({ path: '/approvals' })
    await ask(build)
    await cardOf(other).waitFor()
    await buttonOf(page, 'Allow once').click()
    await cardOf(page).getByText('You allowed it once').waitFor()
    await cardOf(other).getByText('Answered elsewhere').waitFor()
    await ask(remove)
    await waitForOpen(openIds, 1)
    const [id = ''] = await openIds()
    // The other person's answer arrives while this answer is on its way.
    expectFault(page, /409/)
    await page.route('**/answer', async (route) => {
      await client.call('POST', `/v1/requests/${id}/answer`, { reply: 'once' })
      await route.continue()
    })
    const answered = page.waitForResponse('**/answer')
    await buttonOf(page, 'Always allow', 'c-17').click()
    expect((await answered).status()).toBe(409)
    await cardOf(page, 'c-17').getByText('Another person answered first').waitFor()
  })

  it('say that a request has expired', async () => {
    const { page, ask } = await openApprovals({ calls: [build], defaults: { requestTimeoutMs: 1_500 } })
    await ask(build)
    await cardOf(page)
      .getByText(/0:0\d left/)
      .waitFor()
    await cardOf(page).getByText('Expired').waitFor()
    expect(await page.locator('[data-answer]').count()).toBe(0)
  })

  it('send the chosen options and own texts of several questions', async () => {
    const { page, ask, resultsOf } = await openApprovals({ calls: [questions] })
    const turnId = await ask(questions)
    const card = cardOf(page)
    expect(await buttonOf(page, 'Send answer').isDisabled()).toBe(true)
    await card.getByRole('radio', { name: 'SQLite' }).check()
    await card.getByRole('textbox').first().fill('DuckDB')
    expect(await card.getByRole('radio', { name: 'SQLite' }).isChecked()).toBe(false)
    await card.getByRole('checkbox', { name: 'Tests' }).check()
    await card.getByRole('checkbox', { name: 'Lint' }).check()
    await buttonOf(page, 'Send answer').click()
    await card.getByText('You answered it').waitFor()
    expect((await resultsOf(turnId)).join()).toMatch(
      /"Which database\?"="DuckDB".*"Which checks\?"="Lint, Tests"/,
    )
  })

  it('are answered by keys, but not by a key that is held down', async () => {
    const { page, ask, openIds } = await openApprovals({ calls: [build, remove] })
    await ask(build)
    await ask(remove)
    await cardOf(page, 'c-17').waitFor()
    await page.locator('[data-answer=once]:enabled').nth(1).waitFor()
    await cardOf(page, 'rm -rf build').focus()
    await page.keyboard.press('j')
    const focused = () => page.evaluate(() => document.activeElement?.textContent ?? '')
    expect(await focused()).toContain('c-17')
    await page.keyboard.press('k')
    expect(await focused()).toContain('rm -rf build')
    await buttonOf(page, 'Allow once', 'rm -rf build').focus()
    await page.evaluate(() => {
      const held = new KeyboardEvent('keydown', {
        key: 'Enter',
        repeat: true,
        bubbles: true,
        cancelable: true,
      })
      if (document.activeElement?.dispatchEvent(held))
        throw new Error('The held key was not kept from the button')
    })
    expect(await openIds()).toHaveLength(2)
    await page.keyboard.press('Enter')
    const card = cardOf(page, 'rm -rf build')
    await card.getByText('You allowed it once').waitFor()
    expect(await card.evaluate((card) => card === document.activeElement)).toBe(true)
  })

  it('ignore a key that is held down, also on the page of the turn', async () => {
    const { page, ask } = await openApprovals({ calls: [build] })
    await page.goto(`/turns/${await ask(build)}`)
    await page.locator('[data-answer=once]:enabled').waitFor()
    await cardOf(page).focus()
    await page.keyboard.down('Enter')
    await buttonOf(page, 'Reject').focus()
    // The second press without a release is that of a key that is held down.
    await page.keyboard.down('Enter')
    await page.keyboard.up('Enter')
    await buttonOf(page, 'Allow once').focus()
    await page.keyboard.press('Enter')
    await cardOf(page).getByText('You allowed it once').waitFor()
  })

  it('notify by wish only, and tell no text of the request', async () => {
    const { page, ask, openIds } = await openApprovals({ calls: [build, remove] })
    // A browser without a screen refuses notifications.
    await page.addInitScript(() => {
      const shown: string[] = []
      class Shown {
        static permission = 'granted'
        constructor(title: string, { body = '' }: NotificationOptions = {}) {
          shown.push(`${title}: ${body}`)
        }
        close(): void {
          shown.length = 0
        }
      }
      document.hasFocus = () => false
      Object.assign(window, { shown, Notification: Shown })
    })
    await page.reload()
    const shown = () => page.evaluate(() => (window as unknown as { shown: string[] }).shown)
    await ask(build)
    await cardOf(page).waitFor()
    expect(await shown()).toEqual([])
    await page.getByRole('button', { name: 'Notify me' }).click()
    await ask(remove)
    await waitForOpen(openIds, 2)
    await cardOf(page, 'crm_delete').waitFor()
    expect(await shown()).toEqual(['a1 asks: Use a tool'])
  })

  it('are accessible, on narrow screens too', async () => {
    const agents = ['billing-bot', 'web-refactor', 'docs-writer', 'ops-helper']
    const { page, ask } = await openApprovals({ calls: [build, change, questions, long], agents })
    for (const [i, call] of [build, change, questions, long].entries()) await ask(call, agents[i])
    await cardOf(page).nth(3).waitFor()
    await page.locator('[data-answer=once]:enabled').first().waitFor()
    await takePictures(page, 'approvals')
    expect(await axeFaults(page)).toEqual([])
    await buttonOf(page, 'Allow once', 'rm -rf build').click()
    await page.getByText('You allowed it once').waitFor()
    await page.setViewportSize({ width: 360, height: 740 })
    expect(await axeFaults(page)).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
  })
})
