import { expect, it, onTestFinished } from 'vitest'
import { exampleOptions } from '../../../test/support/example.ts'
import { supportApp } from '../app.ts'
import { SupportBot } from '../bot.ts'
import { Shop } from '../shop.ts'

/** Fields of a request that waits, as the app shows them. */
interface Open {
  request: { id: string; permission: string; metadata: unknown }
}

const call = (name: string, args: Record<string, unknown>) => ({ toolCalls: [{ name, args }] })
const answer = (text: string, refunded = false) => ({ output: { text, orderId: '1001', refunded } })

/** Starts the app on a fake opencode whose model follows a script. */
async function start() {
  const { options } = await exampleOptions({}, [
    { match: 'Where', reply: [call('host_lookup_order', { id: '1001' }), answer('It is on its way.')] },
    { match: 'refund', reply: [call('host_refund_order', { id: '1001' }), answer('Done.', true)] },
  ])
  const shop = new Shop([{ id: '1001', customer: 'ada', item: 'bicycle', total: 900, status: 'shipped' }])
  const bot = new SupportBot(shop, options)
  onTestFinished(() => bot.close())
  const app = supportApp(bot)
  const post = (path: string, body: unknown) =>
    app.request(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    })
  const requests = async () => (await (await app.request('/requests')).json()) as Open[]
  const asked = () => expect.poll(requests, { timeout: 20_000 }).toHaveLength(1)
  return { shop, post, requests, asked }
}

it('looks an order up, and answers in the type of the app', async () => {
  const { post } = await start()
  const response = await post('/questions', { customer: 'ada', text: 'Where is order 1001?' })
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({ text: 'It is on its way.', orderId: '1001', refunded: false })
})

it('refunds an order only after a person has agreed', async () => {
  const { shop, post, requests, asked } = await start()
  const answered = post('/questions', { customer: 'ada', text: 'Please refund order 1001.' })
  await asked()
  expect(shop.find('1001', 'ada').status).toBe('shipped')
  const [open] = await requests()
  expect(open?.request.permission).toContain('refund_order')
  expect((await post(`/requests/${open?.request.id}`, { allow: true })).status).toBe(200)
  expect(await (await answered).json()).toMatchObject({ refunded: true })
  expect(shop.find('1001', 'ada').status).toBe('refunded')
  expect((await post(`/requests/${open?.request.id}`, { allow: true })).status).toBe(404)
})

it('leaves an order as it is if the person refuses', async () => {
  const { shop, post, requests, asked } = await start()
  const answered = post('/questions', { customer: 'ada', text: 'Please refund order 1001.' })
  await asked()
  const [open] = await requests()
  await post(`/requests/${open?.request.id}`, { allow: false })
  expect((await answered).status).toBe(200)
  expect(shop.find('1001', 'ada').status).toBe('shipped')
})

it("does not find another customer's order, whatever the model asks for", async () => {
  const { shop, post } = await start()
  const response = await post('/questions', { customer: 'bob', text: 'Where is order 1001?' })
  expect(response.status).toBe(200)
  expect(() => shop.find('1001', 'bob')).toThrow('This customer has no order 1001')
})

it.each([
  ['/questions', {}],
  ['/questions', { customer: 'ada', text: '' }],
  ['/requests/per_1', {}],
])('refuses a bad body of %s: %j', async (path, body) => {
  const { post } = await start()
  expect((await post(path, body)).status).toBe(400)
})
