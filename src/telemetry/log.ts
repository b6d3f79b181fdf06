import type { ServerHooks } from '../actors/hooks.ts'
import type { TurnRecord } from '../actors/turn/turn-record.ts'
import { followLifecycle, type Lifecycle } from '../machines/lifecycle.ts'
import { maskedError } from '../config/masked-error.ts'
import type { Logger } from '../config/options.ts'
import { ignoreErrors } from '../util/ignore-errors.ts'
import type { TerminalReply } from '../replies.ts'
import type { Secrets } from '../config/secrets.ts'
import type { ServerActorRef } from '../machines/server-machine.ts'
import { logLabels, type ReadAgent } from './agent-labels.ts'

/**
 * Returns hooks that log lifecycle changes, ends of turns and conditions that need attention.
 * Failures of the lifecycle are warnings; `failed` is an error. Ends of turns are `debug`; failed turns are
 * warnings, except `cancelled`. The lines of a fleet name the agent and its tenant. Replies are not logged. Secrets are masked in errors and in their causes. If
 * the logger throws, only that line is lost.
 */
export function logTo(logger: Logger, secrets: Secrets, agent: ReadAgent): ServerHooks {
  const log = named(logger, agent)
  return {
    onMachine: (actor) => {
      followLifecycle(actor as ServerActorRef, {
        next: (change) => ignoreErrors(() => logChange(log, secrets, change)),
      })
    },
    onWarning: (message) => log.warn({}, secrets.mask(message)),
    onTurn: (record, now) => {
      const startedAt = now()
      return {
        onEnd: (reply) => logTurn(log, secrets, record, { reply, durationMs: Math.round(now() - startedAt) }),
      }
    },
  }
}

/** Returns a logger whose lines name the agent to which the server belongs. */
function named(logger: Logger, agent: ReadAgent): Logger {
  const write =
    (level: keyof Logger): Logger[typeof level] =>
    (fields, message) =>
      logger[level]({ ...logLabels(agent()), ...fields }, message)
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

function logChange(logger: Logger, secrets: Secrets, { error, ...fields }: Lifecycle): void {
  const message = `opencode server ${fields.state}`
  if (!error && fields.state !== 'failed') return logger.info(fields, message)
  const all = { ...fields, ...(error && { err: maskedError(error, secrets) }) }
  if (fields.state === 'failed') logger.error(all, message)
  else logger.warn(all, message)
}

/** End of a turn: the terminal reply, and the duration in ms. */
interface TurnEnd {
  reply: TerminalReply
  durationMs: number
}

function logTurn(logger: Logger, secrets: Secrets, record: TurnRecord, { reply, durationMs }: TurnEnd): void {
  const { id: turnId, plan, conversation, usage } = record
  const fields = { traceId: plan.traceId, turnId, sessionId: conversation.sessionId, durationMs, usage }
  if (reply.kind === 'final') return logger.debug(fields, 'opencode turn final')
  const { code } = reply
  const all = { ...fields, code, error: secrets.mask(reply.error) }
  if (code === 'cancelled') logger.debug(all, 'opencode turn cancelled')
  else logger.warn(all, `opencode turn failed: ${code}`)
}
