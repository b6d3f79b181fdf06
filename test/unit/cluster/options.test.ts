import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { joinCluster, type JoinOptions } from '../../../src/cluster/index.ts'
import { resolveJoinOptions } from '../../../src/cluster/options.ts'
import { Fleet } from '../../../src/index.ts'
import { fleetDefaults } from '../../support/fleet.ts'
import { tempHome } from '../../support/home.ts'

function options(more: object = {}): JoinOptions {
  const fleet = new Fleet({ dataDir: tempHome(), defaults: fleetDefaults })
  onTestFinished(() => fleet.close())
  const connect = () => Promise.reject(new Error('No NATS here'))
  return { fleet, connect, name: 'prod', ...more }
}

describe('joinCluster', () => {
  it.each([
    [{ fleet: {} }, /fleet.*expected a Fleet/],
    [{ connect: 'nats://localhost' }, /connect.*expected a function/],
    [{ name: 'my.cluster' }, /name.*expected 1 to 32 letters/],
    [{ leaseMs: 10 }, /leaseMs.*500 to 600000/],
    [{ homes: { save: 'sometimes' } }, /homes\.save.*'before-end', 'on-release', 'never'/],
    [{ contextKey: 'short' }, /contextKey.*secret of at least 32 characters/],
    [{ contextKey: [] }, /contextKey.*secret of at least 32 characters/],
    [{ replicas: 2 }, /replicas.*expected 1, 3 or 5/],
    [{ leasMs: 1 }, /leasMs.*leaseMs/],
  ])('rejects the bad options %j', async (bad, message) => {
    await expect(joinCluster(options(bad))).rejects.toMatchObject({
      code: 'ERR_OPENCODE_INVALID_OPTIONS',
      message: expect.stringMatching(message) as string,
    })
  })

  it('refuses to save homes without the program that packs them', async () => {
    vi.stubEnv('PATH', '')
    onTestFinished(() => void vi.unstubAllEnvs())
    const asked = joinCluster(options({ homes: { save: 'before-end' } }))
    await expect(asked).rejects.toThrow(/homes\.save 'before-end' needs .* tar .*'never'/)
    // BusyBox knows one folder for all names only.
    const folder = tempHome()
    writeFileSync(join(folder, 'tar'), '#!/bin/sh\necho "tar (busybox) 1.36.1"\n', { mode: 0o755 })
    vi.stubEnv('PATH', folder)
    const other = joinCluster(options({ homes: { save: 'on-release' } }))
    await expect(other).rejects.toThrow(/homes\.save 'on-release' needs .* tar .*'never'/)
  })

  it('rejects if NATS cannot be reached', async () => {
    await expect(joinCluster(options())).rejects.toMatchObject({ fault: 'unavailable' })
  })

  it('names a host the same for each start with a data folder', () => {
    const given = options()
    const { hostId, leaseMs, replicas, homes } = resolveJoinOptions(given)
    expect(hostId).toMatch(/^[\w-]{1,64}$/)
    expect(resolveJoinOptions(given).hostId).toBe(hostId)
    expect(resolveJoinOptions(options()).hostId).not.toBe(hostId)
    expect({ leaseMs, replicas, homes }).toEqual({ leaseMs: 15_000, replicas: 1, homes: { save: 'never' } })
  })
})
