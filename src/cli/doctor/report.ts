import type { Paint, Style } from '../log-entries.ts'
import type { Finding, Status } from './finding.ts'

const marks: Record<Status, { mark: string; style: Style }> = {
  ok: { mark: '✔', style: 'green' },
  warning: { mark: '!', style: 'yellow' },
  failure: { mark: '✖', style: 'red' },
  skipped: { mark: '-', style: 'dim' },
}

/** Returns a finding as text: one line, with the advice below. */
export function formatFinding({ check, status, finding, advice }: Finding, paint: Paint): string {
  const { mark, style } = marks[status]
  const text = status === 'skipped' ? paint('dim', `skipped: ${finding}`) : finding
  const line = `${paint(style, mark)} ${paint('bold', check)}: ${text}\n`
  return advice === undefined ? line : `${line}  → ${advice}\n`
}

/** Returns the number of failures, warnings and skipped checks, in one line. */
export function formatSummary(findings: readonly Finding[], paint: Paint): string {
  const count = (status: Status): number => findings.filter((finding) => finding.status === status).length
  const [failures, warnings] = [count('failure'), count('warning')]
  const plural = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`
  const text = `${failures === 0 ? 'no failure' : plural(failures, 'failure')}, ${plural(warnings, 'warning')}`
  const style = failures > 0 ? 'red' : warnings > 0 ? 'yellow' : 'green'
  return `\n${paint(style, `${text}, ${count('skipped')} skipped`)}\n`
}
