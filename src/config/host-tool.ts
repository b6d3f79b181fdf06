import { InvalidOptionsError } from '../errors.ts'
import { schemaInput, type SchemaInput } from './schema-input.ts'
import type { InferOutput, ObjectSchema } from './schema-types.ts'

/** Call of a host tool by the agent. */
export interface HostToolCall {
  /**
   * Aborts when the turn ends or is cancelled, when the server ends the call or dies, and when the tool's time
   * limit passes.
   */
  readonly signal: AbortSignal
  /** Value of the field `context` of the turn that calls, the same object; `undefined` if the turn has none. */
  readonly context: unknown
  /** Id of the turn that calls, also for the call of a subagent. */
  readonly turnId: string
  /** Trace id of the turn. */
  readonly traceId: string | null
  /** Session id of the turn, also for the call of a subagent. */
  readonly sessionId: string
  /** Id of the call, unique in its turn, and equal to `call_id` of its replies. The call of a subagent has no replies. */
  readonly callId: string
  /**
   * Sets the title of the call, which clients of the server show beside it.
   *
   * @remarks Observed in opencode: the last title shows when the call has ended.
   */
  readonly progress: (title: string) => void
}

/** Definition of a host tool, for {@link hostTool}. */
export interface HostToolDefinition<S extends ObjectSchema> {
  /** Description for the model: what the tool does, and when to call it. */
  description: string
  /**
   * Schema of the input: a Standard Schema that gives JSON Schema (zod 4.2 and newer, arktype, valibot through
   * `toStandardJsonSchema()`), or a plain JSON Schema, of an object in each case.
   */
  input: S
  /**
   * `true` to ask for the permission `host_<key>` before each call; the policy `onPermission` answers.
   *
   * @defaultValue `false`
   */
  ask?: boolean
  /**
   * Time limit of a call, in ms. When the limit passes, the signal aborts and the model is told.
   *
   * @defaultValue `120_000`
   */
  timeoutMs?: number
  /**
   * Runs a call in this process. The result is a text, a value that JSON can represent, or content in the form
   * of MCP, with images. A thrown error fails the call, and the model is told its message, secrets masked.
   *
   * @param input - The input, validated; the output of the schema.
   * @param call - The turn that calls, and the signal that ends the call.
   * @returns The result, or a promise of the result.
   */
  execute(input: InferOutput<S>, call: HostToolCall): unknown
}

const brand = Symbol.for('opencode-runtime.hostTool')

/** Function of this process that the agent can call as a tool. Made by {@link hostTool}. */
export interface HostTool {
  readonly description: string
  /** True if each call asks for permission. */
  readonly ask: boolean
  /** Time limit of a call, in ms. */
  readonly timeoutMs: number
  /** Schema of the input. */
  readonly input: SchemaInput
  /**
   * Runs a call whose input is validated.
   *
   * @param input - The output of the schema.
   * @param call - The turn that calls.
   * @returns The result, or a promise of the result.
   */
  execute(input: unknown, call: HostToolCall): unknown
}

/** Longest time limit, in ms (24.8 days); a longer timer fires immediately. */
const longestMs = 2 ** 31 - 1

/**
 * Makes a function of this process a tool of the agent, for the option `hostTools`.
 *
 * @param definition - Description, schema of the input, and the function.
 * @returns The tool.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad field, and for a schema that gives no
 * JSON Schema.
 *
 * @example
 * import { hostTool, OpenCodeServer } from 'opencode-runtime'
 * import { z } from 'zod'
 *
 * const orders = new Map([['7', { total: 20 }]])
 * await using server = new OpenCodeServer({
 *   home: '/srv/agents/a1',
 *   proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: process.env['AGENT_KEY'] ?? '' },
 *   models: ['gpt-4o'],
 *   hostTools: {
 *     lookup_order: hostTool({
 *       description: 'Finds an order by its number.',
 *       input: z.object({ id: z.string() }),
 *       execute: ({ id }) => orders.get(id) ?? `There is no order ${id}.`,
 *     }),
 *   },
 * })
 * await server.turn('What is the total of order 7?').done
 */
export function hostTool<const S extends ObjectSchema>(definition: HostToolDefinition<S>): HostTool {
  const given = Object(definition) as Partial<HostToolDefinition<S>>
  const { description, input, ask = false, timeoutMs = 120_000, execute } = given
  expectField(
    typeof description === 'string' && description !== '',
    'description',
    'a text that is not empty',
  )
  expectField(typeof execute === 'function', 'execute', 'a function')
  expectField(typeof ask === 'boolean', 'ask', 'true or false')
  const isTime = Number.isSafeInteger(timeoutMs) && timeoutMs > 0 && timeoutMs <= longestMs
  expectField(isTime, 'timeoutMs', `a whole number of milliseconds, 1 to ${longestMs}`)
  return Object.freeze({
    [brand]: true,
    description,
    ask,
    timeoutMs,
    input: schemaInput(input, 'host tool input'),
    // The schema's output is what the definition's function takes.
    execute: (value: unknown, call: HostToolCall) => execute.call(given, value as InferOutput<S>, call),
  })
}

function expectField(isRight: boolean, field: string, expected: string): asserts isRight {
  if (!isRight) throw new InvalidOptionsError(`Invalid host tool ${field}: expected ${expected}`)
}

/** Returns whether a value was made by {@link hostTool}, also by another copy of the package. */
export const isHostTool = (value: unknown): value is HostTool =>
  typeof value === 'object' && value !== null && brand in value

/** Returns the host tools that ask for permission, by key. */
export const askingTools = (tools: Readonly<Record<string, HostTool>>): string[] =>
  Object.keys(tools).filter((key) => tools[key]?.ask)
