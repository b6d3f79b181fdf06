import { describe, expect, it } from 'vitest'
import { unknownTools } from '../../../../src/actors/turn/unknown-tools.ts'

describe('unknownTools', () => {
  it('returns no warning for tools of opencode, host tools by either name, and patterns', () => {
    const hidden = ['bash', 'todowrite', 'lookup_order', 'host_lookup_order', '*', 'github_*', 'a?']
    expect(unknownTools(hidden, ['lookup_order'])).toEqual([])
    expect(unknownTools([], [])).toEqual([])
  })

  it('names an unknown tool, and the tool that it resembles', () => {
    const [first, second, ...rest] = unknownTools(['bahs', 'lookup_oder'], ['lookup_order'])
    expect(first).toMatch(/named "bahs".*did you mean bash\?/)
    expect(second).toMatch(/named "lookup_oder".*did you mean lookup_order\?/)
    expect(rest).toEqual([])
  })

  it('says that a tool of an MCP server or a plugin may have the name', () => {
    const [message] = unknownTools(['github_create_issue'], [])
    expect(message).toMatch(/"github_create_issue".*only a tool of an MCP server or a plugin is hidden$/)
  })
})
