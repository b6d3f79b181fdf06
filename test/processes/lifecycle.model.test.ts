import { describe, it } from 'vitest'
import { fakeOpenCode } from '../../src/testing/index.ts'
import { askingScript } from '../support/asking-turn.ts'
import { coverOnProcesses } from '../support/cover.ts'
import { tempHome } from '../support/home.ts'

describe('the lifecycle of processes of a fake opencode', { timeout: 300_000 }, () => {
  it('follows the model along paths that cover every happening in every kind of state', async () => {
    await using fake = await fakeOpenCode({}, { script: askingScript })
    const proxy = { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-fake-test-0123456789' }
    const setting = { options: { home: tempHome(), proxy, binary: fake.binary }, patienceMs: 60_000 }
    await coverOnProcesses('processes of a fake opencode', setting, {
      goals: ['happenings', 'kinds', 'arcs', 'ends', 'lifecycle'],
      // Simulated time passes only as fast as probes and streams answer.
      cost: (happening) => (happening === 'time passes' ? 5 : 1),
    })
  })
})
