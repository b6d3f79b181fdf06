import { describe, expect, it } from 'vitest'
import { openedLog } from '../../../support/turn-log.ts'

const record = (key: string, sessionId: string | null, agentId = 'a1') =>
  ({ kind: 'named', key, agentId, sessionId }) as const

describe('the records of sessions', () => {
  it('outlive the process, and can be replaced and removed', async () => {
    const { log, file } = await openedLog()
    await log.sessions.put(record('k1', null))
    await log.sessions.put(record('k1', 'ses_1'))
    await log.sessions.put({ ...record('k1', 'ses_2'), kind: 'throwaway' })
    await log.sessions.put(record('k2', 'ses_3'))
    await log.sessions.delete('named', 'k2')
    await log.close()
    const { log: next } = await openedLog({ file })
    expect(await next.sessions.list('named')).toEqual([record('k1', 'ses_1')])
    expect(await next.sessions.get('throwaway', 'k1')).toMatchObject({ sessionId: 'ses_2' })
    expect(await next.sessions.get('named', 'k2')).toBeUndefined()
  })

  it('lose the names of a session or an agent that is erased, but not what is to be deleted', async () => {
    const { log } = await openedLog()
    const throwAway = { ...record('t1', 'ses_1'), kind: 'throwaway' } as const
    for (const each of [record('k1', 'ses_1'), record('k2', 'ses_2'), record('k3', 'ses_3', 'a2'), throwAway])
      await log.sessions.put(each)
    await log.erase({ agentId: 'a1', tenant: 't1', sessionId: 'ses_1' })
    expect((await log.sessions.list('named')).map(({ key }) => key)).toEqual(['k2', 'k3'])
    await log.erase({ agentId: 'a1', tenant: 't1' })
    expect((await log.sessions.list('named')).map(({ key }) => key)).toEqual(['k3'])
    expect(await log.sessions.list('throwaway')).toEqual([throwAway])
  })

  it('cannot be used after the close', async () => {
    const { log } = await openedLog()
    await log.close()
    await expect(log.sessions.put(record('k1', null))).rejects.toMatchObject({ fault: 'unavailable' })
  })
})
