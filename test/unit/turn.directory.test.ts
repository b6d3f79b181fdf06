import { expect, it } from 'vitest'
import { remoteDirectories } from '../../src/actors/directory-policy.ts'
import { InvalidOptionsError } from '../../src/errors.ts'
import { startServer } from '../support/machine-harness.ts'

it('a turn in a directory that may not be worked in is rejected before the server is told of it; others run', async () => {
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
