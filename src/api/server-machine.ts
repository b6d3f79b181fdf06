import { fromCallback, type EventObject } from 'xstate'
import { runtimeOf, type Runtime, type ServerInput } from '../actors/runtime.ts'
import type { CompiledOptions } from '../config/options.ts'
import { serverMachine as lifecycleMachine, type ServerActorRef } from '../machines/server-machine.ts'
import { hooksOf } from '../telemetry/hooks.ts'
import { agentNameOf } from './fleet/agent-name.ts'

/**
 * Builds the hooks of a machine when they are first needed: by its start, or by a turn before its start.
 *
 * @internal
 */
export function attachHooks(runtime: Runtime, options: CompiledOptions, server?: ServerActorRef): void {
  runtime.hooks ??= hooksOf(options, () => agentNameOf(options, server))
}

/** Reports the machine to the hooks, which follow it from its present state. */
const hooks = fromCallback<EventObject, ServerInput>(({ input, self }) => {
  const runtime = runtimeOf(input.runtime)
  const server = self._parent as ServerActorRef
  attachHooks(runtime, input.options, server)
  runtime.started(server)
})

/**
 * The lifecycle of one opencode server: idle → configuring → spawning → probing → healthy → reaping, and
 * `failed` when the restart budget is spent. The machine decides, and its actors act. Running turns are
 * its children, `turn:<turnId>`. OpenTelemetry (if installed) and the option `logger` follow it.
 *
 * Input: `compileOptions(options)`. Embed it, `provide()` actors of your own, read
 * `snapshot.matches('healthy')`.
 *
 * @example
 * import { compileOptions, serverMachine } from 'opencode-runtime'
 * import { createActor, waitFor } from 'xstate'
 *
 * const options = compileOptions({
 *   home: '/srv/agents/a1',
 *   proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: process.env['AGENT_KEY'] ?? '' },
 *   models: ['gpt-4o'],
 * })
 * const actor = createActor(serverMachine, { input: options }).start()
 * actor.send({ type: 'server.start' })
 * await waitFor(actor, (snapshot) => snapshot.matches('healthy'))
 * actor.stop() // ends the process tree
 */
export const serverMachine = lifecycleMachine.provide({ actors: { hooks } })
