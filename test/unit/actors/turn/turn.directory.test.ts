import { expect, it } from 'vitest'
import { remoteDirectories } from '../../../../src/actors/server/directory-policy.ts'
import { HostFaultError, InvalidOptionsError } from '../../../../src/errors.ts'
import { startServer } from '../../../support/machine-harness.ts'

it('a turn in a directory that the policy rejects ends before any request to the server; other turns run', async () => {
  const server = startServer()
  const asked: unknown[] = []
  server.world.policy = {
    ...remoteDirectories,
    resolve: ({ input, directory }) => {
      asked.push([input, directory])
      const error = new InvalidOptionsError('Invalid directory: it has code of its own')
      return directory === '/bad' ? Promise.reject(error) : Promise.resolve(directory)
    },
  }
  await server.beHealthy()
  const [refused, running] = [server.turn({ text: 'hello', directory: '/bad' }), server.turn('hello')]
  await server.advance()
  const error = 'Invalid directory: it has code of its own'
  expect(refused.replies).toMatchObject([{ kind: 'error', code: 'rejected', error, retryable: false }])
  expect(asked).toEqual([
    ['turn input directory', '/bad'],
    ['option directory', '/srv/agents/a1/workspace'],
  ])
  expect(server.world.client.sessions).toEqual(['ses_1'])
  await server.answer(running)
  expect(running.replies.at(-1)).toMatchObject({ kind: 'final', content: 'Hello' })
})

it('a turn is rejected and its work aborted if the server works in the decoded form of the directory', async () => {
  const server = startServer()
  await server.beHealthy()
  const turn = server.turn({ text: 'hello', directory: '/jobs/a%2Fb' })
  await server.advance()
  const [sessionID = ''] = server.world.client.sessions
  const at = (cwd: string) => ({
    type: 'message.updated',
    properties: {
      sessionID,
      info: { id: `msg_${cwd}`, role: 'assistant', sessionID, path: { cwd, root: '/' } },
    },
  })
  server.world.router?.receive(at('/jobs/a%2Fb'))
  await server.advance()
  expect(turn.replies).toEqual([])
  server.world.router?.receive(at('/jobs/a/b'))
  await server.advance()
  const error = expect.stringMatching(
    /^Invalid directory of the session: opencode took "…\/a%2Fb" for another directory, its percent escapes decoded/,
  ) as string
  expect(turn.replies).toMatchObject([{ kind: 'error', code: 'rejected', error, retryable: false }])
  expect(server.world.client.aborts).toEqual([sessionID])
})

it('a temporary fault of the host during the check of a directory makes the turn retryable', async () => {
  const server = startServer()
  const fault = new HostFaultError('The directory could not be looked up (EMFILE at /srv/x)', {
    errno: 'EMFILE',
  })
  server.world.policy = { ...remoteDirectories, resolve: () => Promise.reject(fault) }
  await server.beHealthy()
  const turn = server.turn('hello')
  await server.advance()
  expect(turn.replies).toMatchObject([{ kind: 'error', code: 'server_unavailable', retryable: true }])
})
