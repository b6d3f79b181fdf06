import { hostTool, OpenCodeServer, type OpenCodeServerOptions, type Session } from 'opencode-runtime'
import { z } from 'zod'
import type { Shop } from './shop.ts'

/** Answer to a customer, in the types of the app. */
const answer = z.object({
  text: z.string().describe('What the customer reads.'),
  orderId: z.string().nullable().describe('The order that the answer is about.'),
  refunded: z.boolean(),
})
export type Answer = z.infer<typeof answer>

const instructions =
  'You answer customers of a shop, in their language. Look orders up before you speak of them. Refund only what the customer asks for.'

/** Tools of the agent, which run in this process. `call.context` says whose question it is. */
const toolsOf = (shop: Shop) => ({
  list_orders: hostTool({
    description: 'Lists the orders of the customer who asks.',
    input: z.object({}),
    execute: (_, { context }) => shop.ordersOf(customerOf(context)),
  }),
  lookup_order: hostTool({
    description: 'Finds an order of the customer who asks, by its number.',
    input: z.object({ id: z.string() }),
    execute: ({ id }, { context }) => shop.find(id, customerOf(context)),
  }),
  refund_order: hostTool({
    description: 'Refunds an order of the customer who asks. A person of the shop has to agree.',
    input: z.object({ id: z.string() }),
    ask: true,
    execute: ({ id }, { context }) => shop.refund(id, customerOf(context)),
  }),
})

/** Returns the customer of a call. The context is the app's own value, and never reaches the model. */
const customerOf = (context: unknown): string => z.object({ customer: z.string() }).parse(context).customer

/** opencode's own tools, which a support bot does not need. */
const opencodeTools = 'bash edit glob grep question read skill task todowrite webfetch write'.split(' ')

/** Support bot: an agent that calls the shop, asks a person before it refunds, and answers in a type. */
export class SupportBot implements AsyncDisposable {
  readonly #server: OpenCodeServer
  readonly #sessions = new Map<string, Session>()

  constructor(shop: Shop, options: Omit<OpenCodeServerOptions, 'hostTools' | 'onPermission'>) {
    this.#server = new OpenCodeServer({ ...options, hostTools: toolsOf(shop), onPermission: 'ask' })
  }

  /** Runs a question as a turn of the customer's conversation. The agent has the tools of the shop only. */
  ask(customer: string, text: string) {
    const session = this.#sessions.get(customer) ?? this.#server.session({ title: `Customer ${customer}` })
    this.#sessions.set(customer, session)
    return session.turn({
      text,
      system: instructions,
      output: answer,
      context: { customer },
      tools: Object.fromEntries(opencodeTools.map((name) => [name, false])),
    })
  }

  close(): Promise<void> {
    return this.#server.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
