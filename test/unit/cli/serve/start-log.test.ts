import { describe, expect, test } from 'vitest'
import { StartLog } from '../../../../src/cli/serve/start-log.ts'

describe('StartLog', () => {
  test('keeps errors until the start has succeeded, and other lines not', () => {
    const lines: string[] = []
    const write = (_fields: object, message: string) => void lines.push(message)
    const log = new StartLog({ debug: write, info: write, warn: write, error: write })
    log.logger.error({}, 'first')
    log.logger.warn({}, 'a warning')
    expect(lines).toEqual(['a warning'])
    log.release()
    log.logger.error({}, 'second')
    expect(lines).toEqual(['a warning', 'first', 'second'])
  })
})
