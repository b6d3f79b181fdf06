import { describe, expect, it } from 'vitest'
import { ToolCalls } from '../../../../../src/actors/turn/reducer/tool-calls.ts'
import type { WireTool } from '../../../../../src/io/opencode/wire.ts'
import type { Reply } from '../../../../../src/replies.ts'

describe('ToolCalls', () => {
  const emitted = (...states: Partial<WireTool>[]) => {
    const replies: Reply[] = []
    const calls = new ToolCalls('t1', (reply) => replies.push(reply))
    const call = { name: 'bash', callId: 'call_1', input: undefined, result: '' }
    for (const state of states) calls.update('prt_1', { status: 'pending', ...call, ...state })
    return replies.map((reply) =>
      reply.kind === 'tool_call' ? reply.args : reply.kind === 'tool_result' && [reply.result, reply.success],
    )
  }

  it('emits a call once, when its input is known, and its result once', () => {
    const input = { command: 'ls' }
    const run = { status: 'running', input } as const
    const end = { status: 'completed', input, result: 'a.ts' } as const
    expect(emitted({}, { status: 'running' }, run, run, end, end, run)).toEqual([input, ['a.ts', true]])
  })

  it('names a host tool by its key, and any other tool by its own name', () => {
    const names = (name: string, hostTools: readonly string[]) => {
      const replies: Reply[] = []
      const calls = new ToolCalls('t1', (reply) => replies.push(reply), hostTools)
      const call = { name, callId: 'call_1', input: {}, result: '' }
      for (const status of ['running', 'completed'] as const) calls.update('prt_1', { status, ...call })
      return replies.map((reply) => (reply as { tool?: string }).tool)
    }
    expect(names('host_look', ['look'])).toEqual(['look', 'look'])
    expect(names('host_look', ['other'])).toEqual(['host_look', 'host_look'])
    expect(names('look', ['look'])).toEqual(['look', 'look'])
    expect(names('host_host_look', ['host_look'])).toEqual(['host_look', 'host_look'])
  })

  it('emits a call with empty arguments if the call ends before its input is known', () => {
    expect(emitted({}, { status: 'error', result: 'no' })).toEqual([{}, ['no', false]])
  })
})
