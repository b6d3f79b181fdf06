import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import type { Page } from 'playwright-core'
import type { Turn } from '../../web/src/api/types.ts'
import type { FakeGatewayOptions } from '../support/gateway.ts'
import { tempHome } from '../support/home.ts'
import { openView } from './view.ts'

/**
 * Plugin of opencode whose tools ask for a permission as opencode's own tools do, which the fake opencode does not play.
 *
 * @remarks Observed in opencode: the patterns and details of the permissions `bash` and `edit`, and those of a tool of an
 * MCP server, which tell nothing.
 */
const plugin = `
const tool = (ask) => ({
  description: '',
  args: {},
  execute: async (args, context) => {
    await context.ask(ask(args))
    return 'done'
  },
})
export const Asking = async () => ({
  tool: {
    bash: tool(({ command }) => ({
      permission: 'bash', patterns: command.split(' && '), always: ['*'], metadata: { command },
    })),
    edit: tool(({ filePath, patchText }) => ({
      permission: 'edit', patterns: [filePath], always: ['*'], metadata: { filepath: filePath, diff: patchText },
    })),
    crm_delete: tool(() => ({ permission: 'crm_delete', patterns: ['*'], always: ['*'], metadata: {} })),
  },
})
`

/** Config of opencode with which every tool of the plugin asks. */
const config = { permission: { bash: 'ask', edit: 'ask', crm_delete: 'ask' } }

/** Script of the agents: the text of a turn is a JSON list, of the name of a tool and its input. */
const script = (calls: readonly ToolCall[]) =>
  calls.map(([name, args]) => ({
    match: promptOf([name, args]),
    reply: [{ toolCalls: [{ name, args }] }, { text: 'done' }],
  }))

/** Tool that a turn calls, and its input. */
export type ToolCall = readonly [name: string, args: Record<string, unknown>]

const promptOf = (call: ToolCall): string => JSON.stringify(call).slice(0, 500)

/** Options of {@link openApprovals}. */
interface ApprovalOptions {
  /** Calls that the test makes. */
  calls: readonly ToolCall[]
  agents?: readonly string[]
  defaults?: NonNullable<FakeGatewayOptions['fleet']>['defaults']
}

/** Opens the page of the approvals of a fleet whose tools \`bash\`, \`edit\` and \`crm_delete\` ask, and do nothing. */
export async function openApprovals({ calls, agents = ['a1'], defaults = {} }: ApprovalOptions) {
  const dataDir = tempHome()
  for (const agent of agents) {
    const folder = join(dataDir, agent, '.config', 'opencode', 'plugin')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'asking.js'), plugin)
  }
  const view = await openView({
    agents: agents.map((id) => ({ id })),
    fleet: { dataDir, script: script(calls), defaults: { config, ...defaults } },
    path: '/approvals',
  })
  const { client, url, all } = view
  /** Starts a turn that calls a tool, and returns the id of the turn. */
  const ask = async (call: ToolCall, agent = 'a1'): Promise<string> => {
    const body = { text: promptOf(call), on_permission: 'ask', on_question: 'ask' }
    const answer = await client.call('POST', `/v1/agents/${agent}/turns`, body)
    expect(answer.status).toBe(202)
    return (answer.body as Turn).turn_id
  }
  /** Returns the ids of the open requests. */
  const openIds = async (): Promise<string[]> => {
    const { items } = (await client.call('GET', '/v1/requests')).body as {
      items: { request: { id: string } }[]
    }
    return items.map(({ request }) => request.id)
  }
  /** Resolves with the results of the tools of a turn, when the turn has ended. */
  const resultsOf = async (turnId: string): Promise<string[]> => {
    const headers = { authorization: `Bearer ${all.token}` }
    const text = await (await fetch(`${url}/v1/turns/${turnId}/replies`, { headers })).text()
    const replies = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; result?: string })
    expect(replies.at(-1)?.kind).toMatch(/final|error/)
    return replies.flatMap(({ kind, result }) => (kind === 'tool_result' ? [result ?? ''] : []))
  }
  return { ...view, ask, openIds, resultsOf }
}

/** Returns the card of the only request, or of one by its text; a card stays for a while after the end of its request. */
export const cardOf = (page: Page, text = '') => page.locator('.approvals-card').filter({ hasText: text })

/** Returns a button of a card. */
export const buttonOf = (page: Page, name: string, text = '') =>
  cardOf(page, text).getByRole('button', { name, exact: true })

/** Waits until a list of open requests is as long as expected. */
export const waitForOpen = (openIds: () => Promise<string[]>, count: number) =>
  vi.waitFor(async () => expect(await openIds()).toHaveLength(count), { timeout: 5_000, interval: 20 })
