import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FleetStatus } from '../../../../src/api/fleet/types.ts'
import { inOrder } from '../../../../src/cli/fleet/agent-rows.ts'
import { formatFleet } from '../../../../src/cli/fleet/frame.ts'
import { ago, duration, mebibytes, ofMebibytes } from '../../../../src/cli/fleet/units.ts'
import type { LockHolder } from '../../../../src/io/home/home-lock.ts'
import { agentStatus, statusWith } from '../../../support/fleet-status.ts'

const now = 1_700_000_000_000
const minute = 60_000
const holder: LockHolder = { id: 'x', pid: 4711, startTime: '1', host: 'box', at: now - 150 * minute }

/** Returns the lines of a status, with the style of each painted text in front of the text. */
function frame(
  status: FleetStatus | undefined,
  { width = 400, height = Infinity, isRunning = true, isPainted = false } = {},
): string[] {
  const paint = (style: unknown, text: string) => (isPainted ? `<${String(style)}>${text}</>` : text)
  const report = { dataDir: '/srv/agents', status, holder: isRunning ? holder : undefined }
  return formatFleet(report, { now, width, height, paint })
}

const message = 'The server failed 5 times within 60 s: the process ended with exit code 1'
const error = { code: 'ERR_OPENCODE_RESTART_LIMIT', message }
const failed = agentStatus('a5', { state: 'failed', restarts: 5, error, lastUsedAt: now - 5 * minute })
const busy = agentStatus('support', {
  ...{ tenant: 'acme', state: 'healthy', memoryMb: 312.4, openRequests: 2, lastUsedAt: now - 12_000 },
  turns: { running: 2, queued: 7, max: 4 },
})

describe('formatFleet', () => {
  it('shows the fleet, its load, and its agents', () => {
    const agents = [agentStatus('cold'), busy, failed]
    expect(frame(statusWith(agents, { at: now - 400 }))).toEqual([
      'fleet /srv/agents',
      'runs in process 4711 on box, for 2 h; last change: now',
      'servers 3 of 16, 1 starting   turns 5 of 64, 12 queued   memory 1.9 of 11.7 GiB   3 agents, 1 failed',
      '',
      'agent    tenant   state    running  queued   memory  restarts  requests  last used  reason',
      `a5       default  failed                                    5            5 min ago  ${error.code}: ${message}`,
      'support  acme     healthy      2/4       7  312 MiB                   2   12 s ago',
      'cold     default  idle',
    ])
  })

  it('says that the fleet does not run, and how old its last status is', () => {
    const status = statusWith([], { at: now - 3 * 24 * 60 * minute })
    expect(frame(status, { isRunning: false })[1]).toBe('does not run; last status: 3 d ago')
    expect(frame(status, { isRunning: false, isPainted: true })[1]).toContain('<red>does not run</>')
  })

  it('says that a running fleet has written no status, or shows the status of an earlier fleet', () => {
    expect(frame(undefined)).toEqual([
      'fleet /srv/agents',
      'runs in process 4711 on box, for 2 h; no status has been written yet',
    ])
    const earlier = statusWith([], { at: holder.at - 30 * minute })
    expect(frame(earlier)[1]).toContain('no status yet; the last status is of an earlier fleet: 3 h ago')
  })

  it('says how to declare agents if there are none', () => {
    expect(frame(statusWith([])).at(-1)).toBe('no agents: declare them with fleet.apply() or fleet.put()')
  })

  it('shows tenants if there are several, the busiest first', () => {
    const tenant = (running: number, queued: number) => ({ weight: 0.5, turns: { running, queued, max: 8 } })
    const tenants = { calm: tenant(0, 0), busy: tenant(1, 3), full: tenant(8, 40) }
    expect(frame(statusWith([busy], { tenants })).slice(4, 9)).toEqual([
      'tenant  weight  running  queued',
      'full       0.5      8/8      40',
      'busy       0.5      1/8       3',
      'calm       0.5      0/8       0',
      '',
    ])
  })

  it('shows the errors of failed agents in whole above the table of a narrow terminal', () => {
    const lines = frame(statusWith([failed, busy]), { width: 60, height: 24 })
    const text = lines.join('\n')
    expect(text).toContain(`✖ a5: ${error.code}: The server`)
    expect(text.replace(/\s+/g, ' ')).toContain(message)
  })

  it('counts the agents that do not fit on the terminal, by state', () => {
    const cold = Array.from({ length: 998 }, (_, i) => agentStatus(`c${i}`))
    const lines = frame(statusWith([...cold, failed, busy]), { width: 100, height: 23 })
    expect(lines).toHaveLength(23)
    expect(lines.at(-1)).toMatch(/^… 98\d more agents \(--all\): 98\d idle$/)
    expect(frame(statusWith(cold), { width: 100 })).toHaveLength(998 + 5)
  })

  it('paints the states, failures and requests', () => {
    const text = frame(statusWith([failed, busy, agentStatus('cold')]), { isPainted: true }).join('\n')
    for (const painted of [
      '<red>failed</>',
      '<green>healthy</>',
      '<dim>idle</>',
      '<yellow>2</>',
      '3 agents, 1 failed</>',
    ])
      expect(text).toContain(painted)
  })

  it('shows an error on one line, without control characters', () => {
    const error = { code: 'C', message: 'one\r\ntwo \u001b[2Jthree' }
    const [line = ''] = frame(statusWith([agentStatus('a', { state: 'failed', error })])).slice(-1)
    expect(line).toMatch(/C: one two three$/)
  })

  it('never exceeds the width and height of a terminal', () => {
    const agents = fc.array(
      fc.record({
        id: fc.string({ unit: fc.constantFrom('a', 'z', '0', '-', '_'), minLength: 1, maxLength: 63 }),
        state: fc.constantFrom('idle' as const, 'healthy' as const, 'failed' as const),
        restarts: fc.nat(),
        lastUsedAt: fc.integer({ min: 0, max: now }),
        memoryMb: fc.nat({ max: 99_999 }),
        openRequests: fc.nat({ max: 99 }),
        reason: fc.string({ maxLength: 200 }),
        error: fc.option(fc.constant(error), { nil: undefined }),
      }),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(
        agents,
        fc.integer({ min: 1, max: 250 }),
        fc.integer({ min: 24, max: 80 }),
        (all, width, height) => {
          const rows = all.map(({ error, id, ...over }) =>
            agentStatus(id, { ...over, ...(error && { error }) }),
          )
          const tenants = Object.fromEntries(
            rows.map(({ id }) => [id, { weight: 1, turns: { running: 1, queued: 2, max: 3 } }]),
          )
          const lines = frame(statusWith(rows, { tenants }), { width, height })
          expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width)
          if (width >= 60) expect(lines.length).toBeLessThanOrEqual(height)
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('inOrder', () => {
  it('puts failed agents first, then busy ones, then the most recently used, then by id', () => {
    const agents = [
      agentStatus('b'),
      agentStatus('a'),
      agentStatus('old', { lastUsedAt: 1 }),
      agentStatus('new', { lastUsedAt: 9 }),
      agentStatus('waits', { turns: { running: 0, queued: 1, max: 1 } }),
      agentStatus('asks', { openRequests: 1, lastUsedAt: 5 }),
      agentStatus('faulty', { error }),
      agentStatus('down', { state: 'failed', lastUsedAt: 3 }),
    ]
    const expected = ['down', 'faulty', 'asks', 'waits', 'new', 'old', 'a', 'b']
    expect(inOrder(agents).map(({ id }) => id)).toEqual(expected)
    expect(agents[0]?.id).toBe('b')
  })
})

describe('units', () => {
  it.each([
    [-5, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [3_599_999, '59 min'],
    [47 * 60 * minute, '47 h'],
    [48 * 60 * minute, '2 d'],
  ])('duration(%i) is %s', (ms, text) => expect(duration(ms)).toBe(text))

  it('shows ages and sizes', () => {
    expect([ago(now + 5, now), ago(now - 999, now), ago(now - 1000, now)]).toEqual(['now', 'now', '1 s ago'])
    expect([mebibytes(0.4), mebibytes(9_999), mebibytes(10_240)]).toEqual(['0 MiB', '9999 MiB', '10.0 GiB'])
    expect([ofMebibytes(10, 600), ofMebibytes(1024, 10_240)]).toEqual(['10 of 600 MiB', '1.0 of 10.0 GiB'])
  })
})
