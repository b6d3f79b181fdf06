import { beforeEach, describe, expect, it } from 'vitest'
import { StoppedError } from '../../src/index.ts'
import type { Session } from '../../src/index.ts'
import { standInServer } from '../support/stand-in.ts'

describe.runIf(process.platform !== 'win32')('a session whose server ends during a request', () => {
  let test: ReturnType<typeof standInServer> & { pid: number; session: Session }
  beforeEach(async () => {
    const { server, ...rest } = standInServer('well-behaved', { warmUp: false })
    const session = server.session()
    await session.id
    test = { server, ...rest, session, pid: server.pid ?? 0 }
    // From here on the server answers nothing.
    process.kill(test.pid, 'SIGSTOP')
  })
  const end = (): void => void process.kill(test.pid, 'SIGKILL')
  const asked = () => new Promise((resolve) => setImmediate(resolve))

  it('is created by the next server', async () => {
    const { server, starts } = test
    const id = server.session().id
    await asked()
    end()
    expect(await id).toMatch(/^ses/)
    expect(starts()).toHaveLength(2)
  })

  it('is deleted by the next server', async () => {
    const { session, starts, requests } = test
    const deleted = session.delete()
    await asked()
    end()
    await deleted
    expect(starts()).toHaveLength(2)
    expect(requests().filter(({ method }) => method === 'DELETE')).toHaveLength(1)
  })

  it('rejects if the server is stopped and not started again', async () => {
    const { server, session, starts } = test
    const asks = [server.session().id, session.delete()].map((ask) =>
      expect(ask).rejects.toBeInstanceOf(StoppedError),
    )
    await asked()
    const stopped = server.stop()
    end()
    await Promise.all([stopped, ...asks])
    expect(starts()).toHaveLength(1)
  })
})
