import { describe, expect, it } from 'vitest'
import { hides, toolsOfPrompt } from '../../../../src/actors/turn/hidden-tools.ts'

const none = 'opencode_runtime_hidden'
const hostTools = { lookup_order: {} }

describe('toolsOfPrompt', () => {
  it('denies the hidden tools, a host tool by the name that the model sees', () => {
    expect(toolsOfPrompt(['bash', 'lookup_order'], hostTools, { hidesTools: false })).toEqual({
      [none]: false,
      bash: false,
      lookup_order: false,
      host_lookup_order: false,
    })
  })

  it('allows the tool of structured answers if all tools are hidden', () => {
    expect(toolsOfPrompt(['*'], hostTools, { hidesTools: false })).toEqual({
      [none]: false,
      '*': false,
      StructuredOutput: true,
    })
  })

  it('changes nothing if neither this turn nor the one before hides tools', () => {
    expect(toolsOfPrompt([], hostTools, { hidesTools: false })).toBeUndefined()
  })

  it('denies a name that no tool has after a turn that hid tools, because an empty record changes nothing', () => {
    expect(toolsOfPrompt([], hostTools, { hidesTools: true })).toEqual({ [none]: false })
  })
})

describe('hides', () => {
  it.each(['lookup_order', 'host_lookup_order', '*'])('is true for a host tool that %s names', (name) => {
    expect(hides([name], 'lookup_order')).toBe(true)
    expect(hides(['bash'], 'lookup_order')).toBe(false)
  })
})
