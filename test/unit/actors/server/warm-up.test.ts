import { describe, expect, it, onTestFinished } from 'vitest'
import { createActor } from 'xstate'
import { remoteDirectories } from '../../../../src/actors/server/directory-policy.ts'
import { RuntimeHandle, runtimeOf, type ServerConnection } from '../../../../src/actors/runtime.ts'
import { warmUp, warmUpTitle } from '../../../../src/actors/server/warm-up.ts'
import { HttpError } from '../../../../src/io/opencode/client.ts'
import { optionsOf } from '../../../support/machine-harness.ts'
import { SteppedClock } from '../../../support/stepped-clock.ts'

type Answer = () => Promise<unknown>
const refusal: Answer = () => Promise.resolve({ info: { error: { name: 'UnknownError' } }, parts: [] })
const busy = new HttpError(500, 'busy')

/** Scripted API of a server, which records the requests. */
class FakeApi {
  readonly log: string[] = []
  sessions: { id: string; title: string }[] = []
  prompt: Answer = refusal
  /** Results of the next deletions. */
  deletions: Error[] = []

  findSessions(_: unknown, title: string) {
    this.log.push(`find ${title}`)
    return Promise.resolve(this.sessions)
  }
  createSession(directory: string, title: string) {
    this.log.push(`create ${title}`)
    return Promise.resolve({ id: 'ses_new', directory })
  }
  promptAndWait(id: string, _: unknown, { parts }: { parts: { type: string }[] }, signal: AbortSignal) {
    this.log.push(`prompt ${id} ${parts.map(({ type }) => type).join()}`)
    const aborted = new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(new Error('aborted'))),
    )
    return Promise.race([this.prompt(), aborted])
  }
  abort(id: string) {
    this.log.push(`abort ${id}`)
    return Promise.resolve()
  }
  deleteSession(id: string) {
    this.log.push(`delete ${id}`)
    const error = this.deletions.shift()
    return error ? Promise.reject(error) : Promise.resolve()
  }
}

const whole = [`find ${warmUpTitle}`, `create ${warmUpTitle}`, 'prompt ses_new file', 'delete ses_new']

/** Runs a warm-up on a server with this API. */
function start(api: FakeApi, options = optionsOf(), runtime = new RuntimeHandle(options)) {
  const clock = new SteppedClock()
  const client: unknown = api
  runtimeOf(runtime).connection = {
    client,
    policy: remoteDirectories,
    directory: '/work',
  } as ServerConnection
  const actor = createActor(warmUp, { input: { options, runtime }, clock })
  actor.subscribe({ error: () => undefined })
  actor.start()
  onTestFinished(async () => {
    await clock.advance(60_000)
    expect(clock.pending).toBe(0)
  })
  return { actor, clock, options, runtime, status: () => actor.getSnapshot().status }
}

describe('A warm-up', () => {
  it('prompts a session of its own with a part that reaches no model, and deletes the session', async () => {
    const api = new FakeApi()
    const { clock, status } = start(api)
    await clock.advance()
    expect(status()).toBe('done')
    expect(api.log).toEqual(whole)
  })

  it('first deletes the session of an interrupted warm-up, and no other session', async () => {
    const api = new FakeApi()
    api.sessions = [
      { id: 'ses_left', title: warmUpTitle },
      { id: 'ses_other', title: `about the ${warmUpTitle}` },
    ]
    const { clock } = start(api)
    await clock.advance()
    expect(api.log).toEqual([whole[0], 'delete ses_left', ...whole.slice(1)])
  })

  it('rejects if the prompt fails, after it deleted its session', async () => {
    const api = new FakeApi()
    api.prompt = () => Promise.reject(new Error('no'))
    const { clock, status } = start(api)
    await clock.advance()
    expect(status()).toBe('error')
    expect(api.log).toEqual(whole)
  })

  it('tries the deletion of its session three times', async () => {
    const api = new FakeApi()
    api.deletions = [busy, busy, busy, busy]
    const { clock, status } = start(api)
    await clock.advance(1_000)
    expect(status()).toBe('done')
    expect(api.log.filter((entry) => entry.startsWith('delete'))).toHaveLength(3)
  })

  it('counts a missing session as deleted', async () => {
    const api = new FakeApi()
    api.deletions = [new HttpError(404, 'Session not found')]
    const { clock } = start(api)
    await clock.advance(1_000)
    expect(api.log).toEqual(whole)
  })

  it('aborts its prompt and deletes its session when it is stopped', async () => {
    const api = new FakeApi()
    api.prompt = () => new Promise(() => undefined)
    const { actor, clock } = start(api)
    await clock.advance()
    expect(api.log).toEqual(whole.slice(0, 3))
    actor.stop()
    await clock.advance()
    expect(api.log).toEqual([...whole.slice(0, 3), 'abort ses_new', 'delete ses_new'])
  })

  it('is not repeated on a server that answered the prompt, because the model was asked', async () => {
    const api = new FakeApi()
    api.prompt = () => Promise.resolve({ info: { finish: 'stop' }, parts: [] })
    const { clock, options, runtime } = start(api)
    await clock.advance()
    api.log.length = 0
    const again = start(api, options, runtime)
    await again.clock.advance()
    expect(again.status()).toBe('done')
    expect(api.log).toEqual([whole[0]])
  })
})
