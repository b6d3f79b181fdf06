import { Secrets } from '../../config/secrets.ts'
import { printable } from '../rows.ts'

/** How a check came out. */
export type Status = 'ok' | 'warning' | 'failure' | 'skipped'

/** One result of a check: what `--json` prints. */
export interface Finding {
  /** What was looked at, in a word or two; the same in every run. */
  check: string
  status: Status
  /** What is the case, in a line. */
  finding: string
  /** What to do about it; only of warnings and failures. */
  advice?: string
}

/** All is well. */
export const ok = (check: string, finding: string): Finding => ({ check, status: 'ok', finding })

/** It works, but somebody should know. */
export const warning = (check: string, finding: string, advice: string): Finding => ({
  check,
  status: 'warning',
  finding,
  advice,
})

/** A server, or its turns, would fail. */
export const failure = (check: string, finding: string, advice: string): Finding => ({
  check,
  status: 'failure',
  finding,
  advice,
})

/** Not looked at; the finding says what would enable it. */
export const skipped = (check: string, finding: string): Finding => ({ check, status: 'skipped', finding })

const longest = 200

/**
 * Somebody else's text as a part of a line: its control characters out, then its secrets, then what is too long; in
 * another order, a piece of a secret would stay.
 */
export function quote(text: string, secrets: Secrets): string {
  const line = secrets.mask(printable(text).replace(/\s+/g, ' ').trim())
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line
}

/** A finding that may be shown: no secret, no control character, no second line. */
export function presentable(found: Finding, secrets: Secrets): Finding {
  const clean = (text: string): string => secrets.mask(printable(text).replace(/\s+/g, ' ').trim())
  const { finding, advice } = found
  return { ...found, finding: clean(finding), ...(advice !== undefined && { advice: clean(advice) }) }
}
