import { fromPromise } from 'xstate'
import type { AgentKey } from '../store/cluster-store.ts'
import type { Ownership } from './claim.ts'
import { hostRuntimeOf, type HostHandle } from './host-runtime.ts'

/** Input of the work on an owned agent. */
export interface OwnedInput {
  readonly runtime: HostHandle
  readonly agent: AgentKey
  readonly ownership: Ownership
}

/** Brings the home of an agent to this host. */
export const restore = fromPromise<undefined, OwnedInput>(async ({ input, signal }) => {
  const { runtime, agent, ownership } = input
  await hostRuntimeOf(runtime).homes.restore({ agent, ...ownership }, signal)
  return undefined
})

/** Makes an agent ready for turns. */
export const open = fromPromise<undefined, OwnedInput>(async ({ input, signal }) => {
  await hostRuntimeOf(input.runtime).runner.open(input.agent, signal)
  return undefined
})

/** Saves the home of an agent. */
export const save = fromPromise<undefined, OwnedInput>(async ({ input, signal }) => {
  const { runtime, agent, ownership } = input
  await hostRuntimeOf(runtime).homes.save({ agent, ...ownership }, signal)
  return undefined
})

/** Ends all turns and processes of an agent. */
export const close = fromPromise<undefined, Pick<OwnedInput, 'runtime' | 'agent'>>(async ({ input }) => {
  await hostRuntimeOf(input.runtime).runner.close(input.agent)
  return undefined
})
