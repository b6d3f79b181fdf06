import { createServer, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'

/** Server that takes connections as NATS does, and then says nothing. */
export interface MuteNats {
  readonly port: number
  /** Open connections. */
  readonly sockets: ReadonlySet<Socket>
}

/**
 * Starts a server that keeps its clients waiting.
 *
 * @param greets - True to let clients connect, and answer none of their requests; false to not even greet them.
 */
export async function muteNats(greets: boolean): Promise<MuteNats> {
  const sockets = new Set<Socket>()
  const info = {
    server_id: 'mute',
    version: '2.11.0',
    proto: 1,
    headers: true,
    max_payload: 1_048_576,
    jetstream: true,
  }
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    if (!greets) return
    socket.write(`INFO ${JSON.stringify(info)}\r\n`)
    socket.on('data', (data) => {
      if (/^PING\r$/m.test(data.toString())) socket.write('PONG\r\n')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return { port: (server.address() as AddressInfo).port, sockets }
}
