import { Hono } from 'hono'
import { stream } from 'hono/streaming'
import { RequestClosedError } from 'opencode-runtime'
import { concatMap, lastValueFrom } from 'rxjs'
import { z } from 'zod'
import type { User, UserBot } from './bot.ts'
import { linesOf } from './lines.ts'

const message = z.object({ user: z.string().min(1).max(200), text: z.string().min(1) })
const decision = z.object({ user: z.string().min(1), allow: z.boolean() })

/** Returns the HTTP app of a bot. It trusts the name in the body, so it belongs behind your own login. */
export function botApp(bot: UserBot, planOf: (name: string) => User['plan']): Hono {
  const app = new Hono()

  /** Runs a message, and streams what the user sees as one line of JSON each. */
  app.post('/messages', async (context) => {
    const input = message.safeParse(await context.req.json().catch(() => undefined))
    if (!input.success) return context.json({ error: 'expected { user, text }' }, 400)
    const { user: name, text } = input.data
    const turn = await bot.say({ name, plan: planOf(name) }, text)
    context.header('content-type', 'application/x-ndjson')
    return stream(context, async (out) => {
      out.onAbort(() => turn.cancel())
      const write = (line: object) => out.write(`${JSON.stringify(line)}\n`)
      await lastValueFrom(linesOf(bot.fleet, turn).pipe(concatMap(write)))
    })
  })

  /** Answers a request of the user's own agent. */
  app.post('/requests/:id', async (context) => {
    const input = decision.safeParse(await context.req.json().catch(() => undefined))
    if (!input.success) return context.json({ error: 'expected { user, allow: true or false }' }, 400)
    const { user, allow } = input.data
    try {
      const isKnown = await bot.answer(user, context.req.param('id'), allow)
      return isKnown ? context.json({ answered: true }) : context.json({ error: 'no such request' }, 404)
    } catch (error) {
      if (error instanceof RequestClosedError) return context.json({ error: error.message }, 409)
      throw error
    }
  })

  /** Shows an operator how full the host is. */
  app.get('/status', (context) => {
    const { servers, turns, memory, tenants } = bot.fleet.status
    return context.json({ servers, turns, memory, tenants })
  })

  return app
}
