import type { Happening } from '../../src/testing/happenings.ts'
import type { LifecycleModel } from '../../src/testing/lifecycle-model.ts'
import { alongTransitions, arcName, noCoverage, type Extent, type Path } from './lifecycle-coverage.ts'
import { follow } from './lifecycle-driver.ts'
import { simulatedDriver } from './simulated-driver.ts'

/** Goals and costs of a covering set. */
export interface Covering {
  /** Parts of a path's coverage that count. */
  goals: readonly (keyof Extent)[]
  /** Returns the cost of a happening. */
  cost: (happening: Happening) => number
}

interface Candidate {
  path: Path
  cost: number
  covers: readonly string[]
}

/**
 * Returns a few paths of a model that together cover as much as all paths, for subjects that are slow. The paths are chosen
 * greedily from the cheapest path to each arc (a happening that leads from one kind of state to another): always the path
 * with the most new coverage per cost. The coverage of the lifecycle comes from simulated runs. The result is
 * deterministic.
 */
export async function coveringSet(model: LifecycleModel, covering: Covering): Promise<Path[]> {
  const candidates: Candidate[] = []
  for (const path of cheapestToEach(model, covering.cost)) candidates.push(await measured(path, covering))
  const chosen: Candidate[] = []
  const covered = new Set<string>()
  const gain = ({ covers, cost }: Candidate) => covers.filter((goal) => !covered.has(goal)).length / cost
  for (;;) {
    const best = candidates.reduce((a, b) => (gain(b) > gain(a) ? b : a))
    if (gain(best) === 0) return withoutRedundant(chosen).map(({ path }) => path)
    chosen.push(best)
    for (const goal of best.covers) covered.add(goal)
  }
}

/** Returns for each arc the cheapest path that ends with the arc. */
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

/** Returns the paths without redundant paths; the most expensive paths are removed first. */
function withoutRedundant(chosen: readonly Candidate[]): Candidate[] {
  const left = new Set(chosen)
  for (const candidate of [...chosen].sort((a, b) => b.cost - a.cost)) {
    const others = [...left].filter((other) => other !== candidate).flatMap(({ covers }) => covers)
    if (candidate.covers.every((goal) => others.includes(goal))) left.delete(candidate)
  }
  return [...left]
}
