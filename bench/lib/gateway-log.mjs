// Log of turns in a temporary folder, with turns that are written and read, for parts of the bench.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { openTurnLog } from '../../build/gateway/log/index.js'

export const usage = {
  input_tokens: 1,
  output_tokens: 1,
  reasoning_tokens: 0,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  cost_usd: 0,
}

/** Opens a log in a new folder. */
export async function openedLog() {
  const folder = await mkdtemp(join(tmpdir(), 'opencode-runtime-bench-'))
  const log = openTurnLog({ file: join(folder, 'gateway.db') })
  await log.ready
  let turns = 0
  return {
    log,
    /** Adds a turn, and returns its id and its writer. */
    addTurn: async () => {
      const turnId = `turn-${turns++}`
      await log.create({
        turnId,
        agentId: 'a',
        tenant: 't',
        tokenId: 'k',
        traceId: null,
        model: 'm',
        sessionId: null,
        bodyHash: null,
        resume: null,
      })
      return { turnId, writer: log.writer(turnId) }
    },
    close: async () => {
      await log.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Deltas that are pushed in one turn of the event loop, as one read of a socket brings them. */
const perTurnOfLoop = 32

/**
 * Pushes deltas that cannot be merged, because neighbours have different trace ids, and the terminal reply.
 * @param {import('../../build/gateway/turns/turn-log.js').TurnWriter} writer
 * @param {number} deltas
 */
export async function pushUnmerged(writer, deltas) {
  for (let i = 0; i < deltas; i++) {
    writer.push({ kind: 'delta', trace_id: i % 2 ? 'odd' : 'even', content: ` word${i % 10}` }, usage)
    if (i % perTurnOfLoop === 0) await nextTurn()
  }
  writer.push({ kind: 'final', trace_id: null, content: '', finish_reason: 'stop', usage }, usage)
}

/**
 * Reads a turn to its end, and returns the number of its replies.
 * @param {import('../../build/gateway/turns/turn-log.js').TurnLog} log
 * @param {string} turnId
 */
export async function countReplies(log, turnId) {
  let count = 0
  for await (const batch of log.read(turnId, 0)) count += batch.length
  return count
}
