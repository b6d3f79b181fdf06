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
      failure('hostname', `${hostname} cannot be listened on (${failed})`, hostnameAdvice(failed)),
      skipped('port', 'the host name comes first'),
    ]
  return [hostnameFinding(hostname), await portFinding(hostname, port)]
}

const hostnameAdvice = (code: string): string =>
  code === 'ENOTFOUND' || code === 'EAI_AGAIN'
    ? 'The name has no address here. Give an address of this machine, or leave --hostname out for 127.0.0.1.'
    : 'Give an address of this machine (ip addr lists them), or leave --hostname out for 127.0.0.1.'

function hostnameFinding(hostname: string): Finding {
  if (loopback.test(hostname)) return ok('hostname', hostname)
  return warning(
    'hostname',
    `${hostname} is reached from other machines, unencrypted`,
    'Leave --hostname out if all who ask the server are on this machine.',
  )
}

async function portFinding(hostname: string, port: number | undefined): Promise<Finding> {
  if (port === undefined) return ok('port', 'a free one at each start')
  const failed = await bindFailure(hostname, port)
  if (failed === undefined) return ok('port', `${port} is free`)
  if (failed === 'EADDRINUSE') return taken(port, await findListener(port))
  const advice =
    failed === 'EACCES'
      ? 'This user may not listen there (below 1024 it takes root): give a higher --port, or none.'
      : 'Give another --port, or none for a free one.'
  return failure('port', `${port} cannot be listened on (${failed})`, advice)
}

function taken(port: number, listener: Listener | undefined): Finding {
  const who = listener === undefined ? 'another process' : `${listener.program} (pid ${listener.pid})`
  const advice =
    listener?.program.startsWith('opencode') === true
      ? 'If an earlier run left it behind, end it; if another host runs it, give another --port, or none for a free one.'
      : 'Stop it, or give another --port, or none for a free one.'
  return failure('port', `${port} is in use by ${who}`, advice)
}
