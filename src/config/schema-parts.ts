import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { lazily } from './validation.ts'

/** Longest duration, in ms (24.8 days); a longer timer fires immediately. */
export const longestMs = 2 ** 31 - 1

/** Pattern of host names that only this machine can reach. */
export const loopback = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/

/** Returns a schema of whole numbers. All its errors have the same message, which states both limits. */
export function wholeNumber(what: string, min: number, max?: number) {
  const error = `expected ${what}, ${max === undefined ? `${min} or more` : `${min} to ${max}`}`
  return z
    .int(error)
    .min(min, error)
    .max(max ?? Number.MAX_SAFE_INTEGER, error)
}

/** Returns a schema of whole numbers of a unit, such as bytes. */
export const count = (unit: string, min: number, max?: number) =>
  wholeNumber(`a whole number of ${unit}`, min, max)

/** Returns a schema of numbers that may be fractions. */
export function atLeast(min: number, what: string) {
  const error = `expected ${what}, ${min} or more`
  return z.number(error).min(min, error)
}

/** Duration, in ms; 0 is allowed. */
export const duration = lazily(() => count('milliseconds', 0, longestMs))
/** Duration greater than 0, in ms. */
export const positiveMs = lazily(() => count('milliseconds', 1, longestMs))
export const flag = lazily(() => z.boolean('expected true or false'))

/** Returns a schema of strings with at least one character. */
export function text(error = 'expected a string that is not empty') {
  return z.string(error).min(1, error)
}

/** Returns a schema of strings for ids of others. A log or a store would cut or garble a control character. */
export const foreignId = (error?: string) =>
  text(error).refine((id) => !/\p{Cc}/u.test(id), 'expected an id without control characters')

/** Text that an HTTP header can carry unchanged. */
export const headerSafe = lazily(() => {
  const error = 'expected printable ASCII characters without spaces'
  return text(error).regex(/^[\x21-\x7e]+$/, error)
})
export const username = lazily(() =>
  headerSafe().refine((name) => !name.includes(':'), 'expected a name without a colon'),
)
export const providerId = lazily(() => {
  const error = 'expected letters, digits, ., _ or -'
  return z.string(error).regex(/^[\w.-]+$/, error)
})
/** URL that paths are appended to, so that the URL cannot have a query or a fragment. */
const bareURL = (hint = '') =>
  z
    .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
    .regex(/^[^?#]*$/, `expected an http or https URL without ? and #${hint}`)
export const httpURL = lazily(() => bareURL())
/** URL of the proxy; opencode sends the parameters of a query from another option. */
export const proxyURL = lazily(() =>
  bareURL('; set parameters of a query as config.provider.<providerId>.options.queryParams'),
)

/** Pattern of the names of host tools. */
export const toolNamePattern = /^[a-zA-Z0-9_-]{1,58}$/

/** Message about a name that no host tool can have. */
export const toolNameError = 'expected a name of 1 to 58 letters, digits, _ and -'

/** Absolute path in valid Unicode; a path with half a surrogate pair names no file. */
export const absolute = lazily(() => {
  const error = 'expected an absolute path'
  return z
    .string(error)
    .refine(
      (path) => isAbsolute(path) && !path.includes('\0') && Buffer.from(path).toString() === path,
      error,
    )
})

/** Session id that opencode created. */
export const sessionId = lazily(() => {
  const error = 'expected the id of a session, which begins with ses'
  return z.string(error).regex(/^ses/, error)
})
/** Id that a caller gives to a turn; a part of URLs, and of the names of actors. */
export const turnId = lazily(() => {
  const error = 'expected 1 to 128 letters, digits, _ or -'
  return z.string(error).regex(/^[\w-]{1,128}$/, error)
})
/** Message id that opencode or this package made. */
export const messageId = lazily(() => {
  const error = 'expected the id of a message, which begins with msg'
  return z.string(error).regex(/^msg/, error)
})
export const abortSignal = lazily(() => z.instanceof(AbortSignal, { error: 'expected an AbortSignal' }))

/** Returns a schema of functions and of these texts. */
export function functionOr(values: readonly string[]) {
  return z.custom((value) => typeof value === 'function' || values.includes(value as string), {
    message: `expected ${values.map((value) => `'${value}'`).join(', ')} or a function`,
  })
}
