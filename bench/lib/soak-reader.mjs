// Reader of one turn of a gateway that dies and comes back: it leaves, breaks, stalls, and joins again, and checks that it
// gets each reply exactly once.
import { isTerminal, repliesOf, send } from './gateway-reader.mjs'

/**
 * @typedef {object} World what a reader needs of the run
 * @property {() => Promise<string>} url address of the gateway; waits while no gateway serves
 * @property {() => Promise<unknown> | undefined} died resolves when the gateway dies next, or the run is over
 * @property {string} token
 * @property {(limit: number) => number} below random whole number
 * @property {() => void} onReply
 * @property {(what: string) => void} violate
 */

/**
 * Reads a turn to its end, and returns its terminal reply, with the joined text of its deltas.
 * @param {World} world
 * @param {string} turnId
 */
export async function readTurn(world, turnId) {
  let [last, text, joins] = [0, '', 0]
  /** @type {any} */
  let end
  while (!end) {
    const url = await world.url()
    joins++
    // A reader that leaves before it has got a reply must lose nothing either.
    const enough = world.below(3) === 0 ? world.below(25) : Infinity
    try {
      const leaving = new AbortController()
      const answer = await send(asked(world, url, turnId, last, leaving.signal))
      if (answer.statusCode !== 200) {
        world.violate(`a reader of a known turn gets ${answer.statusCode}`)
        answer.destroy()
        return { end: undefined, last, text, joins }
      }
      if (enough === 0) leaving.abort()
      let count = 0
      for await (const reply of repliesOf(answer)) {
        if (end) world.violate('a reply after the terminal one')
        if (reply.seq !== last + 1) world.violate(`reply ${reply.seq} after ${last}`)
        last = reply.seq
        if (reply.kind === 'delta') text += reply.content
        if (isTerminal(reply)) end = reply
        world.onReply()
        // Stalls with the stream open until the gateway dies.
        if (++count === enough && world.below(4) === 0) await world.died()
        if (count >= enough) break
      }
      leaving.abort()
    } catch {
      // The connection has broken: the gateway died, or this reader has left.
    }
  }
  return { end, last, text, joins }
}

/**
 * @param {World} world @param {string} url @param {string} turnId @param {number} after
 * @param {AbortSignal} signal
 */
function asked({ token, below }, url, turnId, after, signal) {
  const [accept, byHeader] = [below(2) === 0 ? 'text/event-stream' : 'application/x-ndjson', below(2) === 0]
  return {
    ...{ url, token, accept, signal },
    path: `/v1/turns/${turnId}/replies${byHeader || after === 0 ? '' : `?after=${after}`}`,
    headers: byHeader && after > 0 ? { 'last-event-id': String(after) } : {},
  }
}
