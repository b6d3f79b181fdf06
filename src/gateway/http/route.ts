import type { z } from 'zod'
import type { Caller, Scope } from '../access/caller.ts'
import type { GatewayContext } from '../context.ts'
import type { FailureForm } from './failure-form.ts'

/** Method of a route. */
export type Method = 'get' | 'put' | 'post' | 'patch' | 'delete'

/** Schemas by the names of parameters. */
export type Parameters = Readonly<Record<string, z.ZodType>>

/** Values of parameters. */
type ValuesOf<P extends Parameters> = { readonly [Name in keyof P]: z.output<P[Name]> }

/** Request that has passed all checks of its route. */
export interface RouteRequest<P extends Parameters, Q extends Parameters, B extends z.ZodType> {
  readonly context: GatewayContext
  /** Caller of the request; no scopes and no agents for an open route. */
  readonly caller: Caller
  readonly params: ValuesOf<P>
  readonly query: ValuesOf<Q>
  readonly body: z.output<B>
  /** The request itself, for its headers and its signal. Its body has been read. */
  readonly raw: Request
  /** Address of the client, if known. */
  readonly address: string | undefined
}

/** Body that a route takes. */
export interface RouteBody<B extends z.ZodType> {
  schema: () => B
  /** True if the body may be missing; it is `{}` then. */
  isOptional?: boolean
  /** Media types that the route takes; `application/json` by default. All of them are JSON. */
  types?: readonly string[]
}

/** Answer of a route. */
export interface RouteAnswer {
  description: string
  /** Schema of the body, or of each line or event of a stream; no body if absent. */
  schema?: () => z.ZodType
  /** Media types of the body; `application/json` by default. */
  types?: readonly string[]
  /** Schema of the data of each event, where the events of a stream have no name and other data than `schema`. */
  unnamedEvents?: () => z.ZodType
  /** Descriptions of the headers of the answer, by name. */
  headers?: Readonly<Record<string, string>>
}

/** Declaration of a route: all that the checks of a request and the OpenAPI document need. */
interface Declaration<P extends Parameters, Q extends Parameters, B extends z.ZodType> {
  /** Id of the operation in the OpenAPI document. */
  id: string
  method: Method
  /** Path with parameters in braces. */
  path: `/${string}`
  summary: string
  /** Details beyond the summary. */
  description?: string
  tag: string
  /** Scopes of which the caller needs one, or `open` for a route without a token. */
  scopes: readonly Scope[] | 'open'
  params?: P
  query?: Q
  /** Headers that the route reads itself, for the OpenAPI document. */
  headers?: Parameters
  body?: RouteBody<B>
  /** Answers by status code, without the problems. */
  answers: Readonly<Record<number, RouteAnswer>>
  /** True for a route that the OpenAPI document leaves out, because it is no part of the API. It takes any query, which the page reads. */
  isHidden?: boolean
  /** Status codes of further problems. Those of the checks, and 503, need not be named. */
  problems?: readonly number[]
  /** Form of the failures; problem details by default. */
  failures?: FailureForm
  /** Answers a request; a thrown error becomes a problem. */
  handle: (request: RouteRequest<P, Q, B>) => Response | Promise<Response>
}

/** Route of any parameters and body. */
export interface Route extends Omit<Declaration<Parameters, Parameters, z.ZodType>, 'handle'> {
  handle: (request: RouteRequest<Parameters, Parameters, z.ZodType>) => Response | Promise<Response>
}

/** Declares a route; the schemas give the types of what the handler reads. */
export function route<
  P extends Parameters = Record<string, never>,
  Q extends Parameters = Record<string, never>,
  B extends z.ZodType = z.ZodNever,
>(declaration: Declaration<P, Q, B>): Route {
  const { handle, ...rest } = declaration
  // The mount passes only values that these schemas have returned.
  return { ...rest, handle: (request) => handle(request as RouteRequest<P, Q, B>) }
}
