import { expect, it } from 'vitest'
import { axeFaults, describeBrowser, expectFault, openView } from './view.ts'

describeBrowser('the view', () => {
  it('asks for a token, exchanges it for a cookie that no script reads, and shows the agents', async () => {
    const { page, all } = await openView({ token: null })
    expectFault(page, /401/)
    await page.locator('input[type=password]').fill('ocr_wrong')
    await page.locator('button[type=submit]').click()
    await page.getByRole('alert').filter({ hasText: 'The token is unknown' }).waitFor()
    expect(await axeFaults(page)).toEqual([])
    await page.locator('input[type=password]').fill(all.token)
    await page.locator('button[type=submit]').click()
    await page.getByRole('heading', { name: 'Agents' }).waitFor()
    expect(await page.evaluate(() => document.cookie)).toBe('')
    const cookies = await page.context().cookies()
    expect(cookies).toMatchObject([{ httpOnly: true, sameSite: 'Strict' }])
  })
})
