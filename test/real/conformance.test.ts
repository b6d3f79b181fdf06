import { describe } from 'vitest'
import { describeConformance } from '../conformance/suite.ts'
import { script } from '../conformance/script.ts'
import { realServer } from '../support/real.ts'

const policy = { onPermission: () => ({ reject: 'Not here.' }) }

describe('the real opencode, compared with the expectations of the fake', () => {
  describeConformance(() => realServer(script, { maxRestarts: 10, backoffInitialMs: 10, ...policy }))
})
