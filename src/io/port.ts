import { createServer } from 'node:net'
import getPort, { portNumbers } from 'get-port'
import { PortInUseError } from '../errors.ts'

/**
 * A port for the next spawn: the given one if nothing listens on it, else a free one. Above 20 000, where no port is
 * one that browsers and `fetch` refuse. Binding it again may lose a race; an early exit then tries another.
 * @throws PortInUseError (`ERR_OPENCODE_PORT_IN_USE`) where the given one is taken.
 */
export async function choosePort(hostname: string, wanted: number | undefined): Promise<number> {
  if (wanted === undefined) return getPort({ host: hostname, port: shuffledRange() })
  if (await canBind(hostname, wanted)) return wanted
  throw new PortInUseError(
    `Port ${wanted} of ${hostname} is in use by another process. Stop it, or leave the option \`port\` out to use a free one.`,
  )
}

/** Starts at a random place, so that hosts that start at once rarely want the same port. */
function shuffledRange(): Iterable<number> {
  const start = 20_000 + Math.floor(Math.random() * 38_000)
  return portNumbers(start, start + 2_000)
}

function canBind(hostname: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: hostname, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
