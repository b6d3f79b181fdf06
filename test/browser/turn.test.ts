import { expect, it } from 'vitest'
import { askingScript } from '../support/asking-turn.ts'
import { giant, hostile, refused, slow, tour } from './turn-script.ts'
import { axeFaults, describeBrowser, openView, takePictures, type GatewayClient, type Page } from './view.ts'

const script = [tour, hostile, giant, slow, refused, ...askingScript]

/** Opens the page of an agent's turn, which begins now. */
async function openTurn(text: string, more: { waits?: boolean } = {}) {
  const view = await openView({ fleet: { script } })
  const id = await startTurn(view.client, text, more)
  await view.page.goto(`/turns/${id}`)
  return { ...view, id }
}

async function startTurn(client: GatewayClient, text: string, { waits = false } = {}): Promise<string> {
  const path = `/v1/agents/a1/turns${waits ? '?wait=true' : ''}`
  const answer = await client.call('POST', path, { text, on_permission: 'once', on_question: 'ask' })
  return answer.headers.get('turn-id') ?? ''
}

const ended = (page: Page, state: string) => page.getByRole('status').filter({ hasText: state }).waitFor()

describeBrowser('the page of a turn', () => {
  it('shows reasoning, text and tool calls as they come, and what they cost', async () => {
    const { page } = await openTurn('Fix the last line')
    await ended(page, 'Done')
    for (const tool of ['edit', 'todowrite', 'bash'])
      await page.locator('.tool-call summary').filter({ hasText: tool }).first().click()
    await page.evaluate(() => scrollTo(0, 0))
    await takePictures(page, 'turn')
    await page.evaluate(() => scrollTo(0, 800))
    await takePictures(page, 'turn-b')
    await page.evaluate(() => scrollTo(0, 2000))
    await takePictures(page, 'turn-c')
    expect(await axeFaults(page)).toEqual([])
  })
})
