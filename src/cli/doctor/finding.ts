import { Secrets } from '../../config/secrets.ts'
import { printable } from '../log-entries.ts'

/** Status of a finding. */
export type Status = 'ok' | 'warning' | 'failure' | 'skipped'

/** Result of a check, as `--json` prints it. */
export interface Finding {
  /** Subject of the check in a word or two; the same in every run. */
  check: string
  status: Status
  /** Observation, in one line. */
  finding: string
  /** Advice; only for warnings and failures. */
  advice?: string
}

/** Returns a finding without a problem. */
export const ok = (check: string, finding: string): Finding => ({ check, status: 'ok', finding })

/** Returns a finding about something that works, but that the user should know. */
export const warning = (check: string, finding: string, advice: string): Finding => ({
  check,
  status: 'warning',
  finding,
  advice,
})

/** Returns a finding about something that would make a server or its turns fail. */
export const failure = (check: string, finding: string, advice: string): Finding => ({
  check,
  status: 'failure',
  finding,
  advice,
})

/** Returns a finding about a check that did not run; the finding says what would enable the check. */
export const skipped = (check: string, finding: string): Finding => ({ check, status: 'skipped', finding })

const longest = 200

/**
 * Returns another program's text as part of a line. Removes control characters, then masks secrets, then
 * shortens: in another order, a piece of a secret would remain.
 */
export function quote(text: string, secrets: Secrets): string {
  const line = secrets.mask(printable(text).replace(/\s+/g, ' ').trim())
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line
}

/** Returns a finding that may be shown: without secrets, control characters and line breaks. */
export function presentable(found: Finding, secrets: Secrets): Finding {
  const clean = (text: string): string => secrets.mask(printable(text).replace(/\s+/g, ' ').trim())
  const { finding, advice } = found
  return { ...found, finding: clean(finding), ...(advice !== undefined && { advice: clean(advice) }) }
}
