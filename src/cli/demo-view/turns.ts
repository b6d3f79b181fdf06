import { setTimeout as sleep } from 'node:timers/promises'
import { questions } from './script.ts'

/** Time between the end of a turn of alice and her next one, in ms. */
const pauseMs = 8_000

/** Starts the turns that the view shows: one that asks for a permission, and one after another that stream. */
export async function startTurns(address: string, token: string, ended: AbortSignal): Promise<void> {
  const ask = async (agent: string, text: string, query = ''): Promise<void> => {
    const answer = await fetch(`${address}/v1/agents/${agent}/turns${query}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ text }),
      signal: ended,
    })
    await answer.text()
  }
  try {
    await ask('bob', questions.permission)
    for (let i = 0; !ended.aborted; i += 1) {
      await ask('alice', questions.stream[i % questions.stream.length] ?? '', '?wait=true')
      await sleep(pauseMs, undefined, { signal: ended })
    }
  } catch {
    // The demo ends, or a turn was refused: the view says why.
  }
}
