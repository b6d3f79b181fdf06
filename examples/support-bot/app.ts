import { RequestClosedError, TurnError, type PendingRequest } from 'opencode-runtime'
import { Hono } from 'hono'
import { z } from 'zod'
import type { Answer, SupportBot } from './bot.ts'

const question = z.object({ customer: z.string().min(1), text: z.string().min(1) })
const decision = z.object({ allow: z.boolean() })

/** Returns the HTTP app of a support bot: customers ask, and people of the shop decide what the agent may do. */
export function supportApp(bot: SupportBot): Hono {
  const turns = new Set<ReturnType<SupportBot['ask']>>()
  const open = (): PendingRequest[] => [...turns].flatMap((turn) => [...turn.openRequests])
  const app = new Hono()

  app.post('/questions', async (context) => {
    const input = question.safeParse(await context.req.json().catch(() => undefined))
    if (!input.success) return context.json({ error: 'expected { customer, text }' }, 400)
    const turn = bot.ask(input.data.customer, input.data.text)
    turns.add(turn)
    try {
      return context.json((await turn.output) satisfies Answer) // checked by its schema
    } catch (error) {
      if (!(error instanceof TurnError)) throw error
      return context.json({ error: error.message, code: error.code }, error.retryable ? 503 : 502)
    } finally {
      turns.delete(turn)
    }
  })

  app.get('/requests', (context) =>
    context.json(open().map(({ request, expiresAt }) => ({ request, expiresAt }))),
  )

  app.post('/requests/:id', async (context) => {
    const { id } = context.req.param()
    const input = decision.safeParse(await context.req.json().catch(() => undefined))
    if (!input.success) return context.json({ error: 'expected { allow: true or false }' }, 400)
    const turn = [...turns].find((each) => each.openRequests.some(({ request }) => request.id === id))
    try {
      await turn?.answer(id, input.data.allow ? 'once' : { reject: 'A person of the shop has refused it.' })
      return context.json({ answered: turn !== undefined }, turn ? 200 : 404)
    } catch (error) {
      if (error instanceof RequestClosedError) return context.json({ error: error.message }, 409)
      throw error
    }
  })

  return app
}
