import { Hono } from 'hono'
import type { z } from 'zod'
import type { Caller } from '../access/caller.ts'
import { missingScope } from '../access/problems.ts'
import { checkBounds, defaultBounds } from '../access/request-bounds.ts'
import type { GatewayContext } from '../context.ts'
import { formOf, type FailureForm } from './failure-form.ts'
import { ProblemError } from './problem.ts'
import { asProblem, notFound } from './problems.ts'
import { parameterReader, queryOf, readBody } from './read-request.ts'
import type { Parameters, Route, RouteRequest } from './route.ts'

/** Values that the app knows beside the request itself. */
interface Environment {
  Bindings: { address: string | undefined }
}

/** App of a gateway. */
export type GatewayApp = Hono<Environment>

/** Caller of an open route. */
const nobody: Caller = { tokenId: '', scopes: new Set(), agents: new Set(), tenant: undefined }

/**
 * Makes the app of a gateway. The order of the checks: the size, the Host and the Origin of the request, the token, the
 * scope, the fields, and then the route.
 */
export function createApp(context: GatewayContext, routes: readonly Route[]): GatewayApp {
  const app: GatewayApp = new Hono()
  app.onError((error, { req }) => answerOf(error, context, formOf(routes, req.path)))
  app.use('*', async ({ req }, next) => {
    checkRequest(req.raw, context)
    await next()
  })
  for (const route of routes) {
    const answer = answerer(route)
    app.on(route.method.toUpperCase(), honoPath(route.path), async ({ req, env }) => {
      const request = { context, raw: req.raw, address: env.address }
      const response = await answer(request, req.param()).catch((error: unknown) =>
        answerOf(error, context, formOf([route], route.path)),
      )
      context.requests.add(route.id, response.status)
      return response
    })
  }
  refuseMethods(app, routes)
  app.notFound(({ req }) => formOf(routes, req.path).answer(noPath(req.method)))
  return app
}

/** Answers a request, and adds the headers by which a page of an allowed origin may read the answer. */
export async function serveRequest(
  app: GatewayApp,
  { origins }: GatewayContext,
  request: Request,
  address: string | undefined,
): Promise<Response> {
  const preflight = origins.preflight(request.method, request.headers)
  if (preflight) return preflight
  const response = await withoutHead(app, request, address)
  for (const [name, value] of Object.entries(origins.corsHeaders(request.headers)))
    response.headers.set(name, value)
  return response
}

/**
 * Answers HEAD as GET, without the body. The body is ended, because it may be a stream. The request of a server may be of
 * a class of its own, which the constructor of `Request` does not read.
 */
async function withoutHead(
  app: GatewayApp,
  request: Request,
  address: string | undefined,
): Promise<Response> {
  if (request.method !== 'HEAD') return app.fetch(request, { address })
  const { url, headers, signal } = request
  const answer = await app.fetch(new Request(url, { headers, signal }), { address })
  await answer.body?.cancel()
  return new Response(null, answer)
}

function checkRequest(request: Request, { options, hosts, origins }: GatewayContext): void {
  checkBounds(request, { ...defaultBounds, maxBodyBytes: options.maxBodyBytes })
  hosts.check(request.headers, request.url)
  origins.check(request.headers, request.url)
}

/** Returns the answer of an error, without paths of the host. An error that is not expected is logged. */
function answerOf(
  error: unknown,
  { paths, options: { logger } }: GatewayContext,
  form: FailureForm,
): Response {
  const found = asProblem(error)
  if (found.problem.status === 500) logger?.error({ error }, 'A request has failed')
  const detail = paths.mask(found.problem.detail)
  return form.answer(new ProblemError({ ...found.problem, detail }, found.headers))
}

/** Request for a route, before its checks. */
type RawRequest = Pick<RouteRequest<Parameters, Parameters, z.ZodType>, 'context' | 'raw' | 'address'>

/** Returns a function that runs the checks of a route, then the route. */
function answerer(route: Route): (request: RawRequest, params: Record<string, string>) => Promise<Response> {
  const [readPath, readQuery] = [parameterReader(route.params), parameterReader(route.query)]
  return async (request, given) => {
    const { context, raw, address } = request
    const caller = route.scopes === 'open' ? nobody : permitted(route.scopes, context, raw, address)
    const params = readPath(given)
    const query = route.isHidden === true ? {} : readQuery(queryOf(new URL(raw.url)))
    const body = route.body && (await readBody(raw, route.body, context.options.maxBodyBytes))
    // The agents, and by them what a caller may see, are known when the fleet is ready.
    if (route.scopes !== 'open') await context.fleet.ready
    return route.handle({ ...request, caller, params, query, body })
  }
}

/** Returns the caller, if the caller has one of the scopes. */
function permitted(
  scopes: Exclude<Route['scopes'], 'open'>,
  { authority }: GatewayContext,
  request: Request,
  address: string | undefined,
): Caller {
  const caller = authority.authenticate(request, address)
  if (!scopes.some((scope) => caller.scopes.has(scope))) throw missingScope(scopes[0] ?? 'read')
  return caller
}

/** Refuses the other methods of each path, and names the allowed ones. */
function refuseMethods(app: GatewayApp, routes: readonly Route[]): void {
  for (const path of new Set(routes.map((route) => route.path))) {
    const methods = routes.filter((route) => route.path === path).map(({ method }) => method.toUpperCase())
    const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].join(', ')
    app.all(honoPath(path), () => {
      throw new ProblemError(
        { status: 405, code: 'ERR_OPENCODE_METHOD_NOT_ALLOWED', detail: `The path takes ${allow} only` },
        { allow },
      )
    })
  }
}

const noPath = (method: string): ProblemError =>
  notFound('ERR_OPENCODE_NOT_FOUND', `There is no ${method} at this path: see GET /v1/openapi.json`)

const honoPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1')
