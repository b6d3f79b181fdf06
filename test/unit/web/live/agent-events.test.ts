import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { FleetEvent } from '../../../../web/src/api/types.ts'
import { merged } from '../../../../web/src/live/agent-events.ts'

const event = (seq: number): FleetEvent => ({
  ...{ type: 'agent.changed', seq, at: seq, agent_id: 'a1', tenant: 'default' },
})

it('kept and live events become one list: each once, the oldest first, the last 500', () => {
  const seqs = fc.uniqueArray(fc.integer({ min: 1, max: 2_000 }), { maxLength: 700 })
  fc.assert(
    fc.property(seqs, seqs, (a, b) => {
      const all = [...new Set([...a, ...b])].sort((one, other) => one - other)
      expect(merged(a.map(event), b.map(event)).map(({ seq }) => seq)).toEqual(all.slice(-500))
    }),
  )
})
