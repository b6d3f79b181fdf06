import { describe, expect, inject, it } from 'vitest'
import { testToken } from '../support/gateway.ts'
import { answeredOperations, expectAllAnswered, seededGateway } from './gateway.ts'
import { runSchemathesis } from './schemathesis.ts'

const python = inject('schemathesisPython') ?? ''

/** Operations that remove what the others need: in a run of their own. */
const removing = ['applyAgents', 'deleteAgent', 'deleteSession']
const only = removing.flatMap((id) => ['--include-operation-id', id])

/** Its body has many forms, which take as many requests as all other operations: in a run of its own. */
const chat = 'createChatCompletion'

/** The stream of the fleet's events has no end, so that schemathesis would wait. The tests of the gateway read it. */
const endless = ['--exclude-operation-id', 'readEvents']

describe.skipIf(python === '')(
  'the gateway, asked for all that its OpenAPI document allows and forbids',
  () => {
    it('gives each answer as the document says, to a token for everything', async () => {
      const gateway = await seededGateway()
      const { exitCode, output } = await runSchemathesis({
        ...{ python, ...gateway },
        // `putAgent` has the same schema, which takes hundreds of requests.
        args: [...endless, '--exclude-operation-id', 'applyAgents', '--exclude-operation-id', chat],
        phases: 'coverage,fuzzing,stateful',
        maxExamples: 12,
        limitMs: 150_000,
      })
      expect(exitCode, output).toBe(0)
      expect(gateway.errors).toEqual([])
      // The gateway belongs to no cluster, and has no host to drain.
      await expectAllAnswered(gateway, ['readEvents', 'drainHost', chat, ...removing])
    })

    it('gives each answer as the document says, to requests for chat completions', async () => {
      const gateway = await seededGateway()
      const { exitCode, output } = await runSchemathesis({
        ...{ python, ...gateway, args: ['--include-operation-id', chat] },
        phases: 'coverage,fuzzing',
        maxExamples: 12,
        limitMs: 90_000,
      })
      expect(exitCode, output).toBe(0)
      expect(gateway.errors).toEqual([])
      expect(await answeredOperations(gateway)).toContain(chat)
    })

    it('gives each answer as the document says, while agents and sessions are removed', async () => {
      const gateway = await seededGateway()
      const { exitCode, output } = await runSchemathesis({
        ...{ python, ...gateway, isRemoving: true, args: only },
        phases: 'fuzzing',
        maxExamples: 10,
        limitMs: 30_000,
      })
      expect(exitCode, output).toBe(0)
      expect(gateway.errors).toEqual([])
    })

    it('gives each answer as the document says, to a token for reading one agent', async () => {
      const { token, record } = testToken(['read'], { agents: ['a2'] })
      const gateway = await seededGateway([record])
      const { exitCode, output } = await runSchemathesis({
        ...{ python, ...gateway, token, args: endless },
        phases: 'fuzzing',
        maxExamples: 4,
        limitMs: 30_000,
      })
      expect(exitCode, output).toBe(0)
      expect(gateway.errors).toEqual([])
    })
  },
)
