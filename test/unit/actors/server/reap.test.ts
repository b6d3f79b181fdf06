import { createActor, toPromise } from 'xstate'
import { describe, expect, it } from 'vitest'
import { dispose } from '../../../../src/actors/server/reap.ts'
import { SessionEventRouter } from '../../../../src/actors/server/session-event-router.ts'
import { RuntimeHandle, runtimeOf, type ServerConnection } from '../../../../src/actors/runtime.ts'
import { optionsOf } from '../../../support/machine-harness.ts'

describe('The work of a server that is being stopped', () => {
  /** Returns the requests to a server that is busy with these sessions, by directory. */
  async function askedOf(busy: Record<string, string[]>, isQuiet = false) {
    const asked: string[] = []
    const ask = (what: string) => Promise.resolve(void asked.push(what))
    const client = {
      status: (place: string) =>
        Promise.resolve(Object.fromEntries((busy[place] ?? []).map((id) => [id, { type: 'busy' }]))),
      abort: (id: string, place: string) => ask(`abort ${id} in ${place}`),
      dispose: () => ask('dispose'),
    }
    const options = optionsOf()
    const runtime = new RuntimeHandle(options)
    const router = new SessionEventRouter(() => 0)
    if (isQuiet) router.opened()
    runtimeOf(runtime).connection = { client, router, directory: '/srv/work' } as unknown as ServerConnection
    runtimeOf(runtime).directories.add('/srv/other')
    await toPromise(createActor(dispose, { input: { options, runtime } }).start())
    return asked
  }

  it('is aborted in every directory that may have work, and then the server is disposed', async () => {
    const busy = { '/srv/work': ['ses_1', 'ses_2'], '/srv/other': ['ses_3'] }
    expect((await askedOf(busy)).sort()).toEqual([
      'abort ses_1 in /srv/work',
      'abort ses_2 in /srv/work',
      'abort ses_3 in /srv/other',
      'dispose',
    ])
    expect((await askedOf(busy)).at(-1)).toBe('dispose')
  })

  it('gets no abort request if no session is busy', async () => {
    expect(await askedOf({})).toEqual([])
  })

  it('gets no request if the event stream reports no work', async () => {
    expect(await askedOf({ '/srv/work': ['ses_1'] }, true)).toEqual([])
  })
})
