// Sends back what it gets, in its own process: the least that a tool needs to ask another program.
import { createServer } from 'node:net'
import { serve } from './remote.mjs'

const server = createServer({ noDelay: true }, (socket) => socket.pipe(socket).on('error', () => {}))

serve({
  listen: () => new Promise((done) => server.listen(0, '127.0.0.1', () => done(server.address().port))),
})
