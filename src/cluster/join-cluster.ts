import { defer, distinctUntilChanged, map, Observable } from 'rxjs'
import { createActor, waitFor, type SnapshotFrom } from 'xstate'
import { clockOf, systemClock } from '../actors/clock.ts'
import type { Fleet } from '../api/fleet/fleet.ts'
import { opencodeVersionOf, setKeySource, warnOf } from '../api/fleet/internals.ts'
import { stopSchema } from '../config/option-schema.ts'
import { parse } from '../config/validation.ts'
import { onAbort } from '../util/abort-signal.ts'
import { HostHandle, HostRuntime } from './actors/host-runtime.ts'
import type { ClusterHost, DrainOptions } from './cluster-host.ts'
import { clusterStatus, statusChanges, type ClusterStatus } from './cluster-status.ts'
import { ContextKeys } from './context-seal.ts'
import { FleetRunner } from './fleet-runner.ts'
import { HomeWipes } from './homes/home-wipes.ts'
import { placeOf } from './machines/host-decisions.ts'
import { hostMachine, type HostActorRef } from './machines/host-machine.ts'
import { resolveJoinOptions, type JoinOptions, type ResolvedJoinOptions } from './options.ts'
import { FleetReporter } from './reports/fleet-reporter.ts'
import type { ClusterStore } from './store/cluster-store.ts'
import { openStore } from './store/open-store.ts'
import { SpecSync, type SpecSyncParts } from './specs/spec-sync.ts'
import { Wishes } from './wishes.ts'

/** Time without a turn after which a host gives an agent up, in ms. */
const idleMs = 600_000

/**
 * Makes a fleet a host of a cluster. Resolves when the host is a member.
 *
 * The agents of the fleet become agents of the cluster, and those of the cluster agents of the fleet, without their keys.
 * An agent that is declared or removed at one member is declared or removed at all. A spec that the fleet has when it
 * joins, and that the cluster has replaced before, gives way to the cluster's.
 *
 * @param options - The fleet, the connection to NATS, the name of the cluster, and the lease.
 * @returns The host. Close it before the fleet.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option, or if a package of NATS is not installed.
 * @throws ClusterStoreError if NATS refuses, or does not answer.
 *
 * @example
 * import { connect } from '@nats-io/transport-node'
 * import { Fleet } from 'opencode-runtime'
 * import { joinCluster } from 'opencode-runtime/cluster'
 *
 * export async function serve(fleet: Fleet) {
 *   const servers = ['nats://10.0.0.1:4222']
 *   return joinCluster({ fleet, name: 'prod', connect: () => connect({ servers, maxReconnectAttempts: -1 }) })
 * }
 */
export function joinCluster(options: JoinOptions): Promise<ClusterHost> {
  return joinUntil(options, new AbortController().signal)
}

/**
 * Makes a fleet a host of a cluster, as {@link joinCluster} does, unless a signal aborts before the host is a member. Then
 * nothing is left of the attempt but what `connect` has opened.
 *
 * @throws as {@link joinCluster}, or any error after the signal has aborted
 * @internal
 */
export async function joinUntil(options: JoinOptions, signal: AbortSignal): Promise<ClusterHost> {
  const { connect, name, replicas, ...resolved } = resolveJoinOptions(options)
  return joinOn(() => openStore({ name, connect, replicas, mayProvision: true }), resolved, signal)
}

/**
 * Makes a fleet a host of the cluster on a store, as {@link joinUntil} does.
 *
 * @param open - opens the store, which the host closes
 * @internal
 */
export async function joinOn(
  open: () => Promise<ClusterStore>,
  options: Omit<ResolvedJoinOptions, 'connect' | 'name' | 'replicas'>,
  signal: AbortSignal = new AbortController().signal,
): Promise<ClusterHost> {
  const { fleet, hostId, leaseMs, homes: kept, contextKeys, resolveKey } = options
  await fleet.ready
  if (resolveKey) setKeySource(fleet, resolveKey)
  const { openHomes, requireHomes } = await import('./homes/open-homes.ts')
  await requireHomes(kept)
  const [store, opencode] = await Promise.all([open(), opencodeVersionOf(fleet)])
  const wipes = new HomeWipes(fleet, store)
  const homes = await orClose(store, () => openHomes(fleet, kept, { store, opencode, wipes }))
  const specs = await orClose(store, () =>
    startSpecs({ fleet, store, hostId, wipes, clock: systemClock }, signal),
  )
  const runner = new FleetRunner(fleet, specs, opencode)
  const contexts = contextKeys.length > 0 ? new ContextKeys(contextKeys) : undefined
  const warn = (message: string, fields: Readonly<Record<string, string>>): void =>
    warnOf(fleet, message, fields)
  const runtime = new HostHandle(new HostRuntime({ store, runner, homes, contexts, warn }))
  const { maxAgents } = runner
  const rebalances = kept.save !== 'never'
  const input = { runtime, hostId, leaseMs, maxAgents, idleMs, rebalances }
  const actor = createActor(hostMachine, { input }).start()
  try {
    await waitFor(actor, (snapshot) => snapshot.matches('member'), { signal })
  } catch (error) {
    actor.stop()
    specs.stop()
    await store.close()
    throw error
  }
  return new MemberHost(actor, { fleet, store, runner, specs })
}

/** Calls a function, and closes the store if it fails. */
async function orClose<T>(store: ClusterStore, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    await store.close()
    throw error
  }
}

/** Begins to exchange specs with the cluster. */
async function startSpecs(parts: SpecSyncParts, signal: AbortSignal): Promise<SpecSync> {
  const specs = new SpecSync(parts)
  try {
    // A stopped exchange asks a store no more that does not answer.
    const stopListening = onAbort(signal, () => specs.stop())
    await specs.start().finally(stopListening)
    signal.throwIfAborted()
    return specs
  } catch (error) {
    specs.stop()
    throw error
  }
}

/** Parts of a host beside the actor of its machine. */
interface MemberParts {
  readonly fleet: Fleet
  readonly store: ClusterStore
  readonly runner: FleetRunner
  readonly specs: SpecSync
}

class MemberHost implements ClusterHost {
  readonly id: string
  readonly #actor: HostActorRef
  readonly #store: ClusterStore
  readonly #runner: FleetRunner
  readonly #specs: SpecSync
  readonly #wishes: Wishes
  readonly #reporter: FleetReporter
  #leaving: Promise<void> | undefined

  constructor(actor: HostActorRef, { fleet, store, runner, specs }: MemberParts) {
    this.id = actor.getSnapshot().context.hostId
    this.#actor = actor
    this.#store = store
    this.#runner = runner
    this.#specs = specs
    const incarnation = (): string | undefined => actor.getSnapshot().context.lease?.incarnation
    this.#wishes = new Wishes(store, {
      hostId: this.id,
      incarnation,
      // A wish that no caller of this package would leave must not end the process.
      onWish: ({ drainMs }) => void this.drain({ drainMs }).catch(() => undefined),
      clock: systemClock,
    })
    runs(actor).subscribe(() => this.#wishes.look())
    this.#reporter = new FleetReporter({
      ...{ fleet, reports: store.reports, hostId: this.id, clock: systemClock },
      placeOf: (key) => placeOf(actor.getSnapshot().context, key),
    })
  }

  get status(): ClusterStatus {
    return statusOf(this.#actor)
  }

  get status$(): Observable<ClusterStatus> {
    return statusChanges(snapshotsOf(this.#actor), () => this.status)
  }

  async drain(options: DrainOptions = {}): Promise<void> {
    const { drainMs } = parse(stopSchema, options, 'option')
    if (this.#actor.getSnapshot().status === 'active') this.#actor.send({ type: 'host.drain', drainMs })
    this.#leaving ??= this.#leave()
    await this.#leaving
  }

  close(): Promise<void> {
    return this.drain()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #leave(): Promise<void> {
    await waitFor(this.#actor, ({ status }) => status !== 'active')
    this.#reporter.stop()
    this.#runner.keepAlive(0)
    this.#specs.stop()
    await this.#wishes.end()
    await this.#store.close()
  }
}

const snapshotsOf = (actor: HostActorRef): Observable<SnapshotFrom<typeof hostMachine>> =>
  defer(
    () =>
      new Observable<SnapshotFrom<typeof hostMachine>>((subscriber) => {
        const subscription = actor.subscribe(subscriber)
        return () => subscription.unsubscribe()
      }),
  )

/** Emits when a run of a host has begun. */
const runs = (actor: HostActorRef): Observable<string | undefined> =>
  snapshotsOf(actor).pipe(
    map(({ context }) => context.lease?.incarnation),
    distinctUntilChanged(),
  )

function statusOf(actor: HostActorRef): ClusterStatus {
  const { roster, places } = actor.getSnapshot().context
  const now = clockOf(actor.system).now()
  return clusterStatus({ roster, places: places.entries(), now, at: Date.now() })
}
