// Contender: this runtime. The modules of a first server are loaded beforehand, as all of the SDK is.
import '../../dist/preparation.js'
import 'undici'
import { filter, firstValueFrom } from 'rxjs'
import { waitFor } from 'xstate'
import { OpenCodeServer } from '../../dist/index.js'
import { timed, turnsAtOnce } from '../lib/meter.mjs'
import { serve } from '../lib/remote.mjs'

let server

async function turn() {
  const last = await server.turn('go').done
  if (last.kind !== 'final') throw new Error(last.error)
}

const healthyAgain = (pid) =>
  firstValueFrom(
    server.lifecycle$.pipe(filter(({ state, ...now }) => state === 'healthy' && now.pid !== pid)),
  )

serve({
  /** Measures the time to healthy. */
  async start(options) {
    server = new OpenCodeServer(options)
    return timed(() => server.ensureRunning())
  },
  /** Measures the time to the first delta of a first turn. */
  async firstDelta(options) {
    server = new OpenCodeServer(options)
    const start = performance.now()
    const turn = server.turn('go')
    await firstValueFrom(turn.replies$.pipe(filter(({ kind }) => kind === 'delta')))
    const took = performance.now() - start
    await turn.done
    return took
  },
  warm: () =>
    waitFor(server.actor, (snapshot) => snapshot.matches({ healthy: { warmUp: 'done' } })).then(() => null),
  where: () => ({
    baseURL: server.baseURL,
    username: 'opencode',
    password: server.password,
    pid: server.pid,
  }),
  turn: () => timed(turn),
  turns: (load) => turnsAtOnce(turn, load),
  /** Measures the time from SIGKILL to healthy. */
  kill: () =>
    timed(() => {
      const { pid } = server
      process.kill(pid, 'SIGKILL')
      return healthyAgain(pid)
    }),
  stop: () => timed(() => server.stop()),
  close: () => server.close(),
})
