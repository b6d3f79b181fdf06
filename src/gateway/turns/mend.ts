import type { TurnDesk } from './turn-desk.ts'
import type { TurnLog } from './turn-log.ts'
import type { TurnSource } from './turn-source.ts'

/**
 * Ends the turns that an earlier process of the gateway has left without an end, or continues them, as their source says.
 * Resolves when all ends are stored; the continued turns go on.
 */
export async function mendTurns(desk: TurnDesk, log: TurnLog, source: TurnSource): Promise<void> {
  const left = await log.openTurns()
  const mended = left.map((open) => desk.resume(open.turn, () => source.resume(open)))
  await Promise.all(mended.filter((_, i) => !isContinued(source, left[i])))
}

const isContinued = (
  source: TurnSource,
  open: Awaited<ReturnType<TurnLog['openTurns']>>[number] | undefined,
) => open !== undefined && source.canResume(open)
