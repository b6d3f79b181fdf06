// Sends calls of host tools as the generated plugin does, in its own process, so that its memory counts for
// nothing. The calls stay open until the process ends.
import { connect } from 'node:net'
import { serve } from './remote.mjs'

let socket

serve({
  connect: ({ port, token }) => {
    socket = connect(port, '127.0.0.1')
    socket.write(`${token}\n`)
    return null
  },
  send: (calls) => {
    for (const call of calls) socket.write(`${JSON.stringify(call)}\n`)
    return null
  },
})
