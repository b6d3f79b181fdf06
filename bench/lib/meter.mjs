// What a contender's own process spends and reads.
import { subscribe } from 'node:diagnostics_channel'
import { time } from './measure.mjs'

/** The sockets that carried an event stream, and how much they had read before. */
const streams = []

// undici tells so, ours and the one that is Node's fetch: a socket that carries a stream carries nothing after it.
subscribe('undici:client:sendHeaders', ({ request, socket }) => {
  if (/^\/(global\/)?event\b/.test(request.path)) streams.push({ socket, before: socket.bytesRead })
})

const streamBytes = () => streams.reduce((sum, { socket, before }) => sum + socket.bytesRead - before, 0)

/** Wall and CPU in ms, and bytes that were read from event streams. */
async function metered(run) {
  const before = streamBytes()
  return { ...(await time(run)), bytes: streamBytes() - before }
}

/** Runs so many turns, so many of them at once. */
export function turnsAtOnce(turn, { count, atOnce }) {
  let left = count
  const lane = async () => {
    while (left-- > 0) await turn()
  }
  return metered(() => Promise.all(Array.from({ length: atOnce }, lane)))
}

/** How long it takes, in ms. */
export const timed = async (run) => (await time(run)).wallMs
