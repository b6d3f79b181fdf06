import type { Happening } from '../../src/testing/happenings.ts'
import type { LifecycleModel } from '../../src/testing/lifecycle-model.ts'
import { alongTransitions, arcName, noCoverage, type Extent, type Path } from './lifecycle-coverage.ts'
import { follow } from './lifecycle-driver.ts'
import { simulatedDriver } from './simulated-driver.ts'

/** What a covering set is to cover, and what it may cost. */
export interface Covering {
  /** What of a path's coverage counts. */
  goals: readonly (keyof Extent)[]
  /** What a happening costs. */
  cost: (happening: Happening) => number
}

interface Candidate {
  path: Path
  cost: number
  covers: readonly string[]
}

/**
 * Few paths of a model that together cover what all of them do, for a setting where each takes its time. Chosen from the
 * cheapest path to each arc (a happening that leads from one kind of state to another) by greed: always the one that adds
 * most for what it costs. What a path makes of the lifecycle is known from the simulated setting. The same set each time.
 */
export async function coveringSet(model: LifecycleModel, covering: Covering): Promise<Path[]> {
  const candidates: Candidate[] = []
  for (const path of cheapestToEach(model, covering.cost)) candidates.push(await measured(path, covering))
  const chosen: Candidate[] = []
  const covered = new Set<string>()
  const gain = ({ covers, cost }: Candidate) => covers.filter((goal) => !covered.has(goal)).length / cost
  for (;;) {
    const best = candidates.reduce((a, b) => (gain(b) > gain(a) ? b : a))
    if (gain(best) === 0) return withoutSpare(chosen).map(({ path }) => path)
    chosen.push(best)
    for (const goal of best.covers) covered.add(goal)
  }
}

/** For each arc the cheapest of the paths that end with it. */
function cheapestToEach(model: LifecycleModel, cost: Covering['cost']): Path[] {
  const found = new Map<string, Path>()
  for (const path of alongTransitions(model).getShortestPaths()) {
    const [before, last] = path.steps.slice(-2)
    if (!before || !last) continue
    const name = arcName(before.state, last.event.type, last.state)
    const known = found.get(name)
    if (!known || costOf(path, cost) < costOf(known, cost)) found.set(name, path)
  }
  return [...found.values()]
}

const costOf = (path: Path, cost: Covering['cost']): number =>
  path.steps.slice(1).reduce((sum, { event }) => sum + cost(event.type), 1)

async function measured(path: Path, { goals, cost }: Covering): Promise<Candidate> {
  const coverage = noCoverage()
  await follow(path, simulatedDriver(), coverage)
  return {
    path,
    cost: costOf(path, cost),
    covers: goals.flatMap((goal) => [...coverage[goal]].map((covered) => `${goal}: ${covered}`)),
  }
}

/** Without those, the dearest first, whose part the others do. */
function withoutSpare(chosen: readonly Candidate[]): Candidate[] {
  const left = new Set(chosen)
  for (const candidate of [...chosen].sort((a, b) => b.cost - a.cost)) {
    const others = [...left].filter((other) => other !== candidate).flatMap(({ covers }) => covers)
    if (candidate.covers.every((goal) => others.includes(goal))) left.delete(candidate)
  }
  return [...left]
}
