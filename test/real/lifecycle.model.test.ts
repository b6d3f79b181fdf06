import { join } from 'node:path'
import { describe, it } from 'vitest'
import { startScriptedModel } from '../../src/testing/index.ts'
import { askingScript } from '../support/asking-turn.ts'
import { coverOnProcesses } from '../support/cover.ts'
import { tempHome } from '../support/home.ts'
import { apiKey } from '../support/real.ts'

const binary = join(import.meta.dirname, '../../node_modules/opencode-ai/bin/opencode.exe')

describe('the lifecycle of the real opencode', { timeout: 600_000 }, () => {
  it('follows the model along paths that cover every happening and every kind of state', async () => {
    await using model = await startScriptedModel(askingScript, { apiKey })
    const proxy = { baseURL: model.baseURL, apiKey }
    const setting = { options: { home: tempHome(), proxy, binary }, patienceMs: 90_000 }
    await coverOnProcesses('processes of the real opencode', setting, {
      goals: ['happenings', 'kinds', 'ends', 'lifecycle'],
      // The process starts to run only here, and takes seconds to be ready.
      cost: (happening) => (happening === 'becomes healthy' ? 20 : 1),
    })
  })
})
