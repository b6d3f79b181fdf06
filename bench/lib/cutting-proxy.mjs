// Proxy on the loopback whose connections can become silent, as those of a host that has lost its network.
import { connect, createServer } from 'node:net'

/**
 * Starts a proxy in front of a port.
 * @param {number} port
 */
export async function cuttingProxy(port) {
  const sockets = new Set()
  let isCut = false
  const add = (socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy())
  }
  const pass = (from, to) => {
    from.on('data', (data) => {
      if (!isCut && !to.destroyed) to.write(data)
    })
    from.on('close', () => to.destroy())
  }
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) add(socket)
    pass(client, upstream)
    pass(upstream, client)
  })
  await new Promise((listening) => server.listen(0, '127.0.0.1', () => listening(undefined)))
  const reset = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    address: `127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`,
    /** Loses all that is sent from now on; the connections stay open. */
    cut: () => {
      isCut = true
    },
    /** Lets new connections through; those that were cut end. */
    mend: () => {
      isCut = false
      reset()
    },
    close: () => {
      server.close()
      reset()
    },
  }
}
