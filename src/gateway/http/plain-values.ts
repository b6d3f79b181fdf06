import { badRequest } from './problem.ts'

/** Most levels of values within a field of a body. Code that walks through a value would run out of stack. */
const mostLevels = 500

/**
 * Checks that the fields of a body can be copied as a whole: a copy would lose the name `__proto__` silently.
 *
 * @throws ProblemError 400 that names the field
 */
export function requirePlainValues(body: unknown): void {
  if (typeof body !== 'object' || body === null) return
  for (const [name, value] of Object.entries(body)) {
    const expected = expectationOf(value)
    if (expected !== undefined) throw badRequest(`Invalid field ${name}: expected ${expected}`, name)
  }
}

/** Returns the description of an acceptable value in the place of a bad one. */
function expectationOf(value: unknown): string | undefined {
  let level = [value]
  for (let depth = 0; depth < mostLevels && level.length > 0; depth++) {
    if (level.some(hasPrototype)) return 'no name __proto__ in the value'
    level = level.flatMap(innerValues)
  }
  return level.length > 0 ? `at most ${mostLevels} levels` : undefined
}

const hasPrototype = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, '__proto__')

const innerValues = (value: unknown): unknown[] =>
  typeof value === 'object' && value !== null ? Object.values(value) : []
