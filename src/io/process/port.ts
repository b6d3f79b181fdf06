import { createServer } from 'node:net'
import getPort, { portNumbers } from 'get-port'
import { InvalidOptionsError, PortInUseError } from '../../errors.ts'
import { asHostFault, isHostFault } from '../host/host-fault.ts'

/**
 * Returns a port for the next spawn: the wanted port if it is free, else a free port from 20 000 to 32 767. Browsers and
 * `fetch` refuse no port there, and Linux, macOS and Windows give no port there to connections and to programs that ask
 * for any port. Another process may still take the port before the server binds it; the server then exits early and the
 * next spawn tries another port.
 * @throws PortInUseError (`ERR_OPENCODE_PORT_IN_USE`) if the wanted port is taken
 * @throws InvalidOptionsError if the host name is no address of this machine
 * @throws HostFaultError if the host cannot open a port at the moment
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
    `Port ${wanted ?? 0} of ${hostname} is in use by another process. Stop that process, or leave the option \`port\` out to use a free port.`,
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

/**
 * Returns 2 000 ports from a random start, so that hosts that start at the same time rarely choose the same
 * port.
 */
function shuffledRange(): Iterable<number> {
  const start = 20_000 + Math.floor(Math.random() * 10_768)
  return portNumbers(start, start + 1_999)
}

/**
 * Returns the system's error code (`EADDRINUSE`) if a port cannot be bound, `undefined` if it can. Port 0
 * means any port.
 */
export function bindFailure(hostname: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'unknown'))
    server.listen({ port, host: hostname, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}

/**
 * Returns the URL of a server that listens on a host name and port. A server on all addresses is called on
 * loopback; an IPv6 address is put in brackets.
 */
export function baseURLOf(hostname: string, port: number): string {
  return `http://${urlHost(hostname)}:${port}`
}

function urlHost(hostname: string): string {
  if (hostname === '0.0.0.0') return '127.0.0.1'
  if (hostname === '::') return '[::1]'
  return hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname
}
