import {
  HostFaultError,
  InvalidOptionsError,
  messageWithoutPaths,
  OpenCodeRuntimeError,
  ReconfigureError,
  RequestClosedError,
  SessionNotFoundError,
  UnknownAgentError,
} from '../../errors.ts'
import { ClusterStoreError } from '../../cluster/store/cluster-store.ts'
import { wireTexts } from '../schemas/wire-texts.ts'
import { TurnLogError } from '../turns/turn-log.ts'
import { commonHeaders } from './answers.ts'
import { ofCluster } from './cluster-problems.ts'
import { ProblemError, type Problem } from './problem.ts'

/** Returns the answer of a problem. */
export function problemAnswer({ problem, headers }: ProblemError): Response {
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { ...commonHeaders, 'content-type': 'application/problem+json', ...headers },
  })
}

/**
 * Returns the problem of anything thrown. An error that this package does not know is told without its message, which
 * may hold a secret. Paths of the host are still in the detail.
 */
export function asProblem(thrown: unknown): ProblemError {
  if (thrown instanceof ProblemError) return thrown
  if (thrown instanceof InvalidOptionsError) return invalid(thrown)
  if (thrown instanceof OpenCodeRuntimeError) return ofRuntime(thrown)
  if (thrown instanceof TurnLogError) return ofLog(thrown)
  if (thrown instanceof ClusterStoreError) return ofCluster(thrown)
  return new ProblemError({
    status: 500,
    code: 'ERR_OPENCODE_RUNTIME',
    detail: 'The gateway failed. Its log names the error.',
  })
}

/** Returns the problem of a bad field, named as on the wire. */
function invalid(error: InvalidOptionsError): ProblemError {
  const message = messageWithoutPaths(error)
  // A check of the wire names the fields as the caller has written them.
  const detail = /^(?:(?:Unknown|Invalid) fields?\b|Field `)/.test(message) ? message : wireTexts(message)
  const field = fieldOf(detail)
  return new ProblemError({
    status: 400,
    code: error.code,
    detail,
    ...(field !== undefined && { field }),
  })
}

/** Returns the first field that the message of a validation names. */
function fieldOf(message: string): string | undefined {
  const named = /(?:unknown|invalid) (?:field|option|argument|session option) ([^\s:,(`]+)/i.exec(message)
  const required = /(?:field|option|argument|session option) `([^`]+)` is required/i.exec(message)
  const found = [named, required].filter((match) => match !== null)
  return found.sort((a, b) => a.index - b.index)[0]?.[1]
}

function ofRuntime(error: OpenCodeRuntimeError): ProblemError {
  const detail = wireTexts(messageWithoutPaths(error)).replace(inProcess, 'with PUT /v1/agents/{id}')
  return new ProblemError({ status: statusOf(error), code: error.code, detail })
}

/** Advice of the library that names its methods. */
const inProcess = 'with apply() or put()'

function statusOf(error: OpenCodeRuntimeError): number {
  if (error instanceof UnknownAgentError || error instanceof SessionNotFoundError) return 404
  if (error instanceof RequestClosedError || error instanceof ReconfigureError) return 409
  if (error instanceof HostFaultError && fullDisk.has(error.errno)) return 507
  return 503
}

/** Codes of the system for a disk without space. */
const fullDisk = new Set(['ENOSPC', 'EDQUOT'])

/** Problems of the log, by its faults. */
const logProblems = {
  full: { status: 507, code: 'ERR_OPENCODE_STORE_FULL' },
  key_reused: { status: 422, code: 'ERR_OPENCODE_KEY_REUSED' },
  newer: { status: 503, code: 'ERR_OPENCODE_STORE_NEWER' },
  corrupt: { status: 503, code: 'ERR_OPENCODE_STORE_CORRUPT' },
  unavailable: { status: 503, code: 'ERR_OPENCODE_STORE_UNAVAILABLE' },
} as const

const ofLog = ({ fault, message }: TurnLogError): ProblemError =>
  new ProblemError({ ...logProblems[fault], detail: message })

/** Problem of a resource that does not exist, or that the caller may not see. */
export const notFound = (code: Problem['code'], detail: string): ProblemError =>
  new ProblemError({ status: 404, code, detail })
