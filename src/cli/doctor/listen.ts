import { findListener, type Listener } from '../../io/process/listener.ts'
import { bindFailure } from '../../io/process/port.ts'
import { loopback } from '../../config/option-schema.ts'
import type { Check } from './context.ts'
import { failure, ok, skipped, warning, type Finding } from './finding.ts'

/** Checks that a server can listen on the host name, and on the port if a port is given. */
export const checkListening: Check = async ({ hostname, port }) => {
  const failed = await bindFailure(hostname, 0)
  if (failed !== undefined)
    return [
      failure('hostname', `a server cannot listen on ${hostname} (${failed})`, hostnameAdvice(failed)),
      skipped('port', 'fix the hostname first'),
    ]
  return [hostnameFinding(hostname), await portFinding(hostname, port)]
}

const hostnameAdvice = (code: string): string =>
  code === 'ENOTFOUND' || code === 'EAI_AGAIN'
    ? 'This machine cannot resolve the name. Give an address of this machine, or leave --hostname out to use 127.0.0.1.'
    : 'Give an address of this machine (ip addr lists them), or leave --hostname out to use 127.0.0.1.'

function hostnameFinding(hostname: string): Finding {
  if (loopback.test(hostname)) return ok('hostname', hostname)
  return warning(
    'hostname',
    `${hostname} is reachable from other machines, without encryption`,
    'Leave --hostname out if all clients of the server run on this machine.',
  )
}

async function portFinding(hostname: string, port: number | undefined): Promise<Finding> {
  if (port === undefined) return ok('port', 'each start chooses a free port')
  const failed = await bindFailure(hostname, port)
  if (failed === undefined) return ok('port', `${port} is free`)
  if (failed === 'EADDRINUSE') return taken(port, await findListener(port))
  const advice =
    failed === 'EACCES'
      ? 'This user may not listen on that port (ports below 1024 need root). Give a higher --port, or leave --port out.'
      : 'Give another --port, or leave --port out to use a free port.'
  return failure('port', `a server cannot listen on port ${port} (${failed})`, advice)
}

function taken(port: number, listener: Listener | undefined): Finding {
  const who = listener === undefined ? 'another process' : `${listener.program} (pid ${listener.pid})`
  const advice =
    listener?.program.startsWith('opencode') === true
      ? 'If an earlier run left that process, end it. Otherwise, give another --port, or leave --port out to use a free port.'
      : 'Stop that process, give another --port, or leave --port out to use a free port.'
  return failure('port', `${port} is in use by ${who}`, advice)
}
