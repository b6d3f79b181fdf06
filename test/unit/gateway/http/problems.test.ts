import { describe, expect, it } from 'vitest'
import { ClusterStoreError } from '../../../../src/cluster/store/cluster-store.ts'
import {
  HomeLockedError,
  HostFaultError,
  InvalidOptionsError,
  OpenCodeRuntimeError,
  RequestClosedError,
  SessionNotFoundError,
  StoppedError,
  UnknownAgentError,
} from '../../../../src/errors.ts'
import { asProblem } from '../../../../src/gateway/http/problems.ts'
import { ProblemError } from '../../../../src/gateway/http/problem.ts'
import { TurnLogError } from '../../../../src/gateway/turns/turn-log.ts'

describe('asProblem', () => {
  it.each([
    [new InvalidOptionsError('Invalid option memoryMb: expected more'), 400, 'ERR_OPENCODE_INVALID_OPTIONS'],
    [new UnknownAgentError('x'), 404, 'ERR_OPENCODE_UNKNOWN_AGENT'],
    [new SessionNotFoundError('x'), 404, 'ERR_OPENCODE_SESSION_NOT_FOUND'],
    [new RequestClosedError('x'), 409, 'ERR_OPENCODE_REQUEST_CLOSED'],
    [new StoppedError('x'), 503, 'ERR_OPENCODE_STOPPED'],
    [new HomeLockedError('x'), 503, 'ERR_OPENCODE_HOME_LOCKED'],
    [new OpenCodeRuntimeError('x'), 503, 'ERR_OPENCODE_RUNTIME'],
    [new HostFaultError('x', { errno: 'ENOSPC' }), 507, 'ERR_OPENCODE_HOST_FAULT'],
    [new HostFaultError('x', { errno: 'EMFILE' }), 503, 'ERR_OPENCODE_HOST_FAULT'],
    [new TurnLogError('full', 'x'), 507, 'ERR_OPENCODE_STORE_FULL'],
    [new TurnLogError('key_reused', 'x'), 422, 'ERR_OPENCODE_KEY_REUSED'],
    [new TurnLogError('corrupt', 'x'), 503, 'ERR_OPENCODE_STORE_CORRUPT'],
    [new ClusterStoreError('denied', 'x'), 503, 'ERR_OPENCODE_CLUSTER_DENIED'],
    [new ClusterStoreError('no_room', 'x'), 507, 'ERR_OPENCODE_CLUSTER_FULL'],
    [new ClusterStoreError('full', 'x'), 429, 'overloaded'],
    [new ClusterStoreError('too_large', 'x'), 413, 'ERR_OPENCODE_TOO_LARGE'],
    [new ClusterStoreError('unavailable', 'x'), 503, 'ERR_OPENCODE_CLUSTER_UNAVAILABLE'],
    [new ClusterStoreError('stale', 'x'), 503, 'ERR_OPENCODE_CLUSTER_UNAVAILABLE'],
    [new TypeError('key sk-1'), 500, 'ERR_OPENCODE_RUNTIME'],
  ])('makes %s to a problem %i %s', (error, status, code) => {
    const { problem } = asProblem(error)
    expect(problem).toMatchObject({ status, code, type: 'about:blank' })
    expect(problem.title).not.toBe('Error')
  })

  it('tells nothing of an unexpected error, whose message may hold a secret', () => {
    expect(JSON.stringify(asProblem(new Error('key sk-1')).problem)).not.toContain('sk-1')
  })

  it('keeps a problem as it is', () => {
    const problem = new ProblemError({ status: 429, code: 'x', detail: 'y' }, { 'retry-after': '1' })
    expect(asProblem(problem)).toBe(problem)
  })

  it.each([
    ['agent "a1": option `proxy.apiKey` is required: expected more', 'proxy.api_key'],
    ['agent "a1": invalid option models[0].contextTokens: expected more', 'models[0].context_tokens'],
    ['Unknown field memoryMb (did you mean memory_mb?)', 'memoryMb'],
    ['Invalid fields: expected an object, got string', undefined],
  ])('names the field of %s', (message, field) => {
    expect(asProblem(new InvalidOptionsError(message)).problem.field).toBe(field)
  })
})
