import type { ModelRequest, ScriptedReply, ScriptedRule } from 'opencode-runtime/testing'

const call = (name: string, args: Record<string, unknown>): ScriptedReply => ({ toolCalls: [{ name, args }] })

/** Returns the results of the tools that the model has called since the customer's question. */
function resultsOf({ messages }: ModelRequest): string[] {
  const question = messages.findLastIndex(({ role }) => role === 'user')
  const results = messages.slice(question).filter(({ role }) => role === 'tool')
  return results.map(({ content }) => (typeof content === 'string' ? content : JSON.stringify(content)))
}

/** Script of the model: what a real model would do with the two questions of the README. */
export const script: ScriptedRule[] = [
  {
    match: 'Where is order 1001?',
    reply: (request) => {
      const [order] = resultsOf(request)
      if (order === undefined) return call('host_lookup_order', { id: '1001' })
      const text = order.includes('"shipped"') ? 'Your bicycle is on its way.' : 'I find no such order.'
      return call('StructuredOutput', { text, orderId: '1001', refunded: false })
    },
  },
  {
    match: 'Please refund order 1001.',
    reply: (request) => {
      const [order] = resultsOf(request)
      if (order === undefined) return call('host_refund_order', { id: '1001' })
      const refunded = order.includes('"refunded"')
      const text = refunded ? 'Your money is on its way.' : 'I may not refund this order.'
      return call('StructuredOutput', { text, orderId: '1001', refunded })
    },
  },
]
