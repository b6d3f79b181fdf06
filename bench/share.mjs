// Measures the cost of watching a server, for the server: node bench/share.mjs [rounds, 4]
// Health probes and event streams are our requests besides turns. Their share of the server's CPU is lost to
// turns.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { finish, interleave, quantile, ratiosOf, row } from './lib/measure.mjs'
import { bench } from './lib/stage.mjs'

const rounds = Number(process.argv[2] ?? 4)
const [turns, probes] = [32, 200]
/** Default of `healthIntervalMs`. */
const healthIntervalMs = 5_000

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** Returns the CPU time that a process has used, in ms (Linux, proc(5): utime and stime). */
function cpuOf(pid) {
  const [, , ...fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(/\) |\s/)
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond
}

await bench(async (stage) => {
  const bare = await stage.contender('bare')
  await bare.start(await stage.plan(await stage.home()))
  const pid = await bare.pid()
  const load = { count: turns, atOnce: 8 }
  await bare.quietTurns(load)
  const walls = []
  const spentOn = async (run) => {
    const before = cpuOf(pid)
    walls.push((await run())?.wallMs)
    return cpuOf(pid) - before
  }
  const spent = await interleave(rounds, {
    alone: () => spentOn(() => bare.quietTurns(load)),
    async followed() {
      await bare.follow()
      const took = await spentOn(() => bare.quietTurns(load))
      await bare.unfollow()
      return took
    },
    probes: () => spentOn(() => bare.probes(probes)),
  })
  const wallMs = quantile(walls.filter(Number.isFinite), 0.5)
  const ofProbes = spent.probes.map((ms) => ((ms / probes) * wallMs) / healthIntervalMs)
  await bare.stop()
  finish([
    row('health probes, share of a busy server’s CPU', ratiosOf(ofProbes, spent.alone), '≤ 0.01'),
    row(
      'one event stream, share of a busy server’s CPU',
      ratiosOf(spent.followed, spent.alone).map((all) => 1 - 1 / all),
      '≤ 0.1',
    ),
  ])
})
