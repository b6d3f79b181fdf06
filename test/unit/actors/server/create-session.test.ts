import { describe, expect, it } from 'vitest'
import { createSession } from '../../../../src/actors/server/create-session.ts'
import { remoteDirectories } from '../../../../src/actors/server/directory-policy.ts'
import { InvalidOptionsError } from '../../../../src/errors.ts'
import { HttpError, type OpenCodeClient } from '../../../../src/io/opencode/client.ts'

const terms = (createSession: () => Promise<unknown>) => ({
  client: { createSession } as unknown as OpenCodeClient,
  policy: remoteDirectories,
  named: { input: 'turn input directory', directory: '/srv/shop' },
  title: 'a title',
})

describe('createSession', () => {
  it('rejects a directory that the server does not have, with the name of the input', async () => {
    // Response of opencode 1.18.33 to POST /session.
    const answer = new HttpError(500, 'PlatformError: NotFound: FileSystem.realPath (/srv/shop)')
    const failed = createSession(terms(() => Promise.reject(answer)))
    await expect(failed).rejects.toBeInstanceOf(InvalidOptionsError)
    await expect(failed).rejects.toThrow('expected an existing directory, got "…/shop"')
  })

  it('rejects with any other error unchanged', async () => {
    for (const answer of [new HttpError(500, 'Unexpected server error'), new HttpError(404, 'realPath')])
      await expect(createSession(terms(() => Promise.reject(answer)))).rejects.toBe(answer)
  })
})
