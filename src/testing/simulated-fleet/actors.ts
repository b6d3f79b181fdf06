import { fromCallback, fromPromise, type EventObject } from 'xstate'
import type { MemoryReading } from '../../actors/server/memory.ts'
import type { Prepared } from '../../actors/server/prepare.ts'
import type { ProbeAnswer } from '../../actors/server/probe.ts'
import type { ProcessCommand } from '../../actors/server/process.ts'
import { runtimeOf, type ServerInput } from '../../actors/runtime.ts'
import { tested } from '../../io/opencode/versions.ts'
import type { SimulatedServer } from './server.ts'

const nothing = Promise.resolve(undefined)

/** Returns the actors of `serverMachine` that act on simulated servers. Turns, queue and hooks keep their own logic. */
export function simulatedActors(serverOf: (agentId: string) => SimulatedServer) {
  const of = ({ options }: ServerInput): SimulatedServer => serverOf(options.values.agent?.id ?? '')
  return {
    home: fromCallback<EventObject, ServerInput>(() => undefined),
    prepare: fromPromise<Prepared, ServerInput>(async ({ input }) => {
      const server = of(input)
      await nothing
      if (server.behaviour.prepareError) throw server.behaviour.prepareError
      runtimeOf(input.runtime).connection = server.connect()
      return { baseURL: 'http://127.0.0.1:4096' }
    }),
    serverProcess: fromCallback<ProcessCommand | EventObject, ServerInput>(({ input, sendBack, receive }) => {
      const server = of(input)
      receive((event) => {
        if (event.type === 'process.signal') server.signal((event as ProcessCommand).signal)
      })
      server.spawn((fact) => sendBack(fact))
      return () => server.destroy()
    }),
    probe: fromPromise<ProbeAnswer | undefined, ServerInput & { withConfig: boolean }>(async ({ input }) => {
      await nothing
      if (of(input).behaviour.isHanging) throw new Error('The server does not answer')
      return { version: tested.to }
    }),
    memory: fromPromise<MemoryReading, ServerInput>(({ input }) =>
      Promise.resolve({ residentMb: of(input).behaviour.memoryMb }),
    ),
    warmUp: fromPromise<undefined, ServerInput>(() => nothing),
    events: fromCallback<EventObject, ServerInput>(({ input, sendBack }) =>
      of(input).stream(() => sendBack({ type: 'stream.opened' })),
    ),
    dispose: fromPromise<undefined, ServerInput>(() => nothing),
    sweep: fromPromise<{ left: number }, ServerInput>(() => Promise.resolve({ left: 0 })),
  }
}
