import { expect, it } from 'vitest'
import { axeFaults, describeBrowser, expectFault, openView } from './view.ts'

describeBrowser('the login of the view', () => {
  it('exchanges a token for a cookie that no script reads, and shows the page', async () => {
    const { page, all } = await openView({ token: null, path: '/usage' })
    expectFault(page, /401/)
    await page.locator('input[type=password]').fill('ocr_wrong')
    await page.locator('button[type=submit]').click()
    await page.getByRole('alert').filter({ hasText: 'The token is unknown' }).waitFor()
    expect(await axeFaults(page)).toEqual([])
    await page.locator('input[type=password]').fill(all.token)
    await page.locator('button[type=submit]').click()
    await page.getByRole('heading', { name: 'Usage', level: 1 }).waitFor()
    expect(await page.evaluate(() => document.cookie)).toBe('')
    expect(await page.context().cookies()).toMatchObject([{ httpOnly: true, sameSite: 'Strict' }])
    expect(await page.evaluate(() => [localStorage.length, sessionStorage.length])).toEqual([0, 0])
  })

  it('takes a token from the fragment of the address, and leaves it in no address', async () => {
    const { open, all } = await openView({ token: null })
    const page = await open({ path: `/approvals#token=${all.token}` })
    expectFault(page, /401/)
    await page.getByRole('heading', { name: 'Approvals', level: 1 }).waitFor()
    expect(new URL(page.url()).hash).toBe('')
    await page.goBack()
    expect(page.url()).not.toContain(all.token)
  })

  it('takes such a token on the page that asks for one, and removes it where it is not needed', async () => {
    const { page, all } = await openView({ token: null })
    expectFault(page, /401/)
    await page.locator('input[type=password]').waitFor()
    const link = `/#token=${all.token}`
    await page.goto(link)
    await page.getByRole('heading', { name: 'Agents', level: 1 }).waitFor()
    expect(page.url()).not.toContain(all.token)
    // A load of the page, and then the address alone.
    for (const before of ['about:blank', '/usage', '/']) {
      await page.goto(before)
      await page.goto(link)
      await expect.poll(() => page.url()).not.toContain(all.token)
    }
  })

  it('logs in again in a page whose cookie is gone while its stream goes on', async () => {
    const { page, all } = await openView()
    expectFault(page, /401/)
    await page.getByText('Live', { exact: true }).waitFor()
    await page.context().clearCookies()
    // Works on any page: each page reads something when it is shown.
    await page.evaluate(() => {
      history.pushState(null, '', '/usage')
      dispatchEvent(new PopStateEvent('popstate'))
    })
    await page.locator('input[type=password]').fill(all.token)
    await page.locator('button[type=submit]').click()
    await page.getByRole('heading', { name: 'Usage', level: 1 }).waitFor()
    await page.getByText('Live', { exact: true }).waitFor()
  })
})

describeBrowser('the pages of the view', () => {
  it('follow links without a load of the page, and the buttons Back and Forward', async () => {
    const { page } = await openView()
    await page.evaluate(() => Object.assign(window, { isSame: true }))
    const heading = (name: string) => page.getByRole('heading', { name, level: 1 }).waitFor()
    await page.getByRole('link', { name: 'Usage' }).click()
    await heading('Usage')
    await page.getByRole('link', { name: /Approvals/ }).click()
    await heading('Approvals')
    await page.goBack()
    await heading('Usage')
    await expect.poll(() => page.title(), { timeout: 10_000 }).toBe('Usage · opencode-runtime')
    await page.goForward()
    await heading('Approvals')
    expect(await page.evaluate(() => 'isSame' in window)).toBe(true)
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main')
  })

  it('run no script and show no image that the gateway has not sent', async () => {
    const { page } = await openView()
    expectFault(page, /content security policy|x\.png/i)
    const isRun = await page.evaluate(async () => {
      const script = document.createElement('script')
      script.textContent = 'window.isRun = true'
      document.body.append(script)
      const image = new Image()
      const refused = new Promise((resolve) => (image.onerror = resolve))
      image.src = 'http://127.0.0.1:9/x.png'
      await refused
      return 'isRun' in window
    })
    expect(isRun).toBe(false)
  })
})
