import { checks } from './doctor/checks.ts'
import { contextOf, type Check, type DoctorContext } from './doctor/context.ts'
import { failure, presentable, type Finding } from './doctor/finding.ts'
import { formatFinding, formatSummary } from './doctor/report.ts'
import { Shutdown } from './shutdown.ts'
import { exitCode } from './exit-codes.ts'
import type { DoctorFlags } from './flags.ts'
import { paintFor } from './log-entries.ts'
import type { Std } from './std.ts'
import { messageOf } from '../util/messages.ts'

/**
 * Runs `opencode-runtime doctor`: prints to stdout the problems that would prevent a start or make turns
 * fail, each with advice.
 * Resolves with the exit code. Starts no server, and leaves nothing on the disk.
 */
export async function doctor(flags: DoctorFlags, std: Std): Promise<number> {
  using shutdown = new Shutdown()
  const { out } = std
  std.content = 'the findings'
  shutdown.watch(out)
  const paint = paintFor(out.stream)
  const context = contextOf(flags, process.env, shutdown.requested)
  const isJson = flags.json === true
  const findings: Finding[] = []
  const results = checks.map((check) => runCheck(check, context))
  for (const result of results) {
    const found = await result
    if (shutdown.exitCode !== undefined) {
      // All checks must end, because each check removes what it created.
      await Promise.all(results)
      return shutdown.exitCode
    }
    findings.push(...found)
    if (!isJson) await out.write(found.map((finding) => formatFinding(finding, paint)).join(''))
  }
  await out.write(isJson ? `${JSON.stringify(findings, null, 2)}\n` : formatSummary(findings, paint))
  return findings.some(({ status }) => status === 'failure') ? exitCode.checkFailed : exitCode.final
}

/**
 * Returns the findings of a check, safe to show. A check that throws becomes a failure, so that the others
 * continue.
 */
async function runCheck(check: Check, context: DoctorContext): Promise<Finding[]> {
  const found = await findingsOf(check, context)
  return found.map((finding) => presentable(finding, context.secrets))
}

async function findingsOf(check: Check, context: DoctorContext): Promise<Finding[]> {
  try {
    return await check(context)
  } catch (error) {
    const message = messageOf(error)
    const name = check.name.replace(/^check/, '').toLowerCase()
    return [
      failure(
        name,
        `the check failed: ${message}`,
        'Fix the cause that the message names, then run doctor again.',
      ),
    ]
  }
}
