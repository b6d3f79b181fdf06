import { describe, expect, it } from 'vitest'
import { prometheusText } from '../../../../src/gateway/http/prometheus.ts'

describe('prometheusText', () => {
  it('writes the help, the type and each sample, with escaped labels', () => {
    const samples = [{ value: 1.5, labels: { name: 'a"b\\c\nd', other: 'x' } }, { value: 2 }]
    expect(prometheusText([{ name: 'm', help: 'One\nline', type: 'gauge', samples }])).toBe(
      ['# HELP m One\\nline', '# TYPE m gauge', 'm{name="a\\"b\\\\c\\nd",other="x"} 1.5', 'm 2', ''].join(
        '\n',
      ),
    )
  })

  it('leaves out metrics without samples', () => {
    expect(prometheusText([{ name: 'm', help: 'h', type: 'counter', samples: [] }])).toBe('')
  })
})
