import { createServer } from 'node:net'
import getPort, { portNumbers } from 'get-port'
import { InvalidOptionsError, PortInUseError } from '../../errors.ts'
import { asHostFault, isHostFault } from '../host/host-fault.ts'

/**
 * A port for the next spawn: the given one if nothing listens on it, else a free one. Above 20 000, where no port is
 * one that browsers and `fetch` refuse. Binding it again may lose a race; an early exit then tries another.
 * @throws PortInUseError (`ERR_OPENCODE_PORT_IN_USE`) where the given one is taken, InvalidOptionsError where the host
 *   name is none of this machine's, HostFaultError where the host refuses for the moment.
 */
export async function choosePort(hostname: string, wanted: number | undefined): Promise<number> {
  const failure = await bindFailure(hostname, wanted ?? 0)
  if (failure === undefined) return wanted ?? freePort(hostname)
  if (isHostFault({ code: failure })) throw asHostFault({ code: failure }, notChosen)
  if (failure !== 'EADDRINUSE') {
    const expected = `expected an address and a port that this process can listen on`
    throw new InvalidOptionsError(
      `Invalid option hostname: ${expected}, got ${hostname}:${wanted ?? 0} (${failure})`,
    )
  }
  throw new PortInUseError(
    `Port ${wanted ?? 0} of ${hostname} is in use by another process. Stop it, or leave the option \`port\` out to use a free one.`,
  )
}

const notChosen = 'No port could be chosen'

async function freePort(hostname: string): Promise<number> {
  try {
    return await getPort({ host: hostname, port: shuffledRange() })
  } catch (error) {
    throw asHostFault(error, notChosen)
  }
}

/** Starts at a random place, so that hosts that start at once rarely want the same port. */
function shuffledRange(): Iterable<number> {
  const start = 20_000 + Math.floor(Math.random() * 38_000)
  return portNumbers(start, start + 2_000)
}

/** Why a port cannot be bound, as the system's code (`EADDRINUSE`); `undefined` where it can. Port 0: any. */
export function bindFailure(hostname: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'unknown'))
    server.listen({ port, host: hostname, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}

/** Where a server that listens there is asked: one on every address on loopback; an IPv6 address goes in brackets. */
export function baseURLOf(hostname: string, port: number): string {
  return `http://${urlHost(hostname)}:${port}`
}

function urlHost(hostname: string): string {
  if (hostname === '0.0.0.0') return '127.0.0.1'
  if (hostname === '::') return '[::1]'
  return hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname
}
