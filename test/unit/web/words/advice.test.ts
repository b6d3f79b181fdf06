import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { adviceFor } from '../../../../web/src/words/advice.ts'

const errors = readFileSync(new URL('../../../../src/errors.ts', import.meta.url), 'utf8')

describe('adviceFor', () => {
  it('has an advice for every code of an error of the package', () => {
    const codes = new Set(errors.match(/ERR_OPENCODE_\w+/g))
    codes.delete('ERR_OPENCODE_')
    expect(codes.size).toBeGreaterThan(14)
    expect([...codes].filter((code) => !adviceFor(code))).toEqual([])
  })

  it('has none for another code', () => {
    expect(adviceFor('rate_limited')).toBeUndefined()
    expect(adviceFor('toString')).toBeUndefined()
  })
})
