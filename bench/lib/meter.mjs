// Measures what the process of a contender spends and reads.
import { subscribe } from 'node:diagnostics_channel'
import { time } from './measure.mjs'

/** Sockets that carried an event stream, each with the bytes that it had read before. */
const streams = []

// undici reports this, both ours and that of Node's fetch. A socket that carries a stream carries nothing
// afterwards.
subscribe('undici:client:sendHeaders', ({ request, socket }) => {
  if (/^\/(global\/)?event\b/.test(request.path)) streams.push({ socket, before: socket.bytesRead })
})

const streamBytes = () => streams.reduce((sum, { socket, before }) => sum + socket.bytesRead - before, 0)

/** Returns wall and CPU time in ms, and the bytes that were read from event streams. */
async function metered(run) {
  const before = streamBytes()
  return { ...(await time(run)), bytes: streamBytes() - before }
}

/** Runs `count` turns, `atOnce` of them at once. */
export function turnsAtOnce(turn, { count, atOnce }) {
  let left = count
  const lane = async () => {
    while (left-- > 0) await turn()
  }
  return metered(() => Promise.all(Array.from({ length: atOnce }, lane)))
}

/** Returns the wall time of a run, in ms. */
export const timed = async (run) => (await time(run)).wallMs
