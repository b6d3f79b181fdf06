import { InvalidArgumentError } from 'commander'

/** Help of the flag `--json` of commands that write replies. */
export const jsonHelp = 'write replies as JSON to stdout, one per line, each with its session_id once known'

/** Returns a parser of whole numbers from `least` to `most`. */
const integer =
  (least: number, most = Infinity) =>
  (text: string) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least && value <= most) return value
    const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`
    throw new InvalidArgumentError(`Expected a whole number ${range}.`)
  }
export const positive = integer(1)
export const count = integer(0)
export const duration = integer(0, 2 ** 31 - 1)
export const portNumber = integer(1, 65_535)

/** Collects the values of a repeatable flag. */
export const collect = (file: string, files: readonly string[] = []): string[] => [...files, file]
