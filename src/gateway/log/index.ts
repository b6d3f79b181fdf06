import type { TurnLog } from '../turns/turn-log.ts'
import { EmbeddedTurnLog } from './embedded-turn-log.ts'
import { openStore } from './open-store.ts'
import { keptBounds } from './retention.ts'

/** Options of {@link openTurnLog}. */
export interface TurnLogOptions {
  /** Path of the file; a missing file, and its folder, are made for the user of the process only. */
  file: string
  /**
   * Days for which an ended turn is kept.
   *
   * @defaultValue 30
   */
  retentionDays?: number | undefined
  /**
   * Largest size of the stored turns, in MB. The turns that ended first are deleted before that.
   *
   * @defaultValue 1024
   */
  maxStoreMb?: number | undefined
  /**
   * Free space of the disk below which no new turn is added, in MB.
   *
   * @defaultValue 32
   */
  minFreeMb?: number | undefined
  /** Clock, in epoch ms; that of the host by default. */
  clock?: { now(): number } | undefined
}

/**
 * Opens the log of turns in a file, with libsql. Returns at once: `ready` tells when the log can be used, or why it
 * cannot.
 *
 * @param options - the file, and its bounds
 * @returns the log
 */
export function openTurnLog(options: TurnLogOptions): TurnLog & { maintain(): Promise<void> } {
  const { file, retentionDays = 30, maxStoreMb = 1_024, minFreeMb = 32, clock = Date } = options
  const bounds = { ...keptBounds({ retentionDays, maxStoreMb }), minFreeBytes: minFreeMb * 1_048_576 }
  return new EmbeddedTurnLog(file, openStore(file), bounds, () => clock.now())
}
