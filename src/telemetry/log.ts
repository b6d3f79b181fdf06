import type { Observer } from '../actors/observer.ts'
import type { TurnRecord } from '../actors/turn/turn-record.ts'
import { lifecycle$, type Lifecycle } from '../api/lifecycle.ts'
import { maskedError } from '../config/masked-error.ts'
import type { Logger } from '../config/options.ts'
import { quietly } from '../util/quietly.ts'
import type { TerminalReply } from '../replies.ts'
import type { Secrets } from '../config/secrets.ts'
import type { ServerActorRef } from '../api/turn.ts'

/**
 * Tells a logger of every change of the lifecycle (failures as warnings, `failed` as an error) and of every turn's end
 * (`debug`; failures but `cancelled` as warnings), and of conditions that need attention. Nothing is logged per reply.
 * Secrets are masked, in errors and in their causes. A logger that throws loses its line, and takes nothing else with it.
 */
export function logTo(logger: Logger, secrets: Secrets): Observer {
  return {
    onMachine: (actor) => {
      lifecycle$(actor as ServerActorRef).subscribe((change) =>
        quietly(() => logChange(logger, secrets, change)),
      )
    },
    onWarning: (message) => logger.warn({}, secrets.mask(message)),
    onTurn: (record, now) => {
      const startedAt = now()
      return {
        onEnd: (reply) =>
          logTurn(logger, secrets, record, { reply, durationMs: Math.round(now() - startedAt) }),
      }
    },
  }
}

function logChange(logger: Logger, secrets: Secrets, { error, ...fields }: Lifecycle): void {
  const message = `opencode server ${fields.state}`
  if (!error && fields.state !== 'failed') return logger.info(fields, message)
  const all = { ...fields, ...(error && { err: maskedError(error, secrets) }) }
  if (fields.state === 'failed') logger.error(all, message)
  else logger.warn(all, message)
}

/** How a turn ended, and how long it took. */
interface TurnEnd {
  reply: TerminalReply
  durationMs: number
}

function logTurn(logger: Logger, secrets: Secrets, record: TurnRecord, { reply, durationMs }: TurnEnd): void {
  const { id: turnId, plan, lane, usage } = record
  const fields = { traceId: plan.traceId, turnId, sessionId: lane.sessionId, durationMs, usage }
  if (reply.kind === 'final') return logger.debug(fields, 'opencode turn final')
  const { code } = reply
  const all = { ...fields, code, error: secrets.mask(reply.error) }
  if (code === 'cancelled') logger.debug(all, 'opencode turn cancelled')
  else logger.warn(all, `opencode turn failed: ${code}`)
}
