import { Hono } from 'hono'
import type { Caller } from '../access/caller.ts'
import type { GatewayContext } from '../context.ts'
import { ProblemError } from './problem.ts'
import { asProblem, notFound, problemAnswer } from './problems.ts'
import { queryOf, readBody, readParameters } from './read-request.ts'
import type { Route } from './route.ts'

/** What the app knows of a request beside the request itself. */
interface Environment {
  Bindings: { address: string | undefined }
}

/** App of a gateway. */
export type GatewayApp = Hono<Environment>

/** Check of a request before its caller is known: of its size, of its Host and of its Origin. Throws a ProblemError. */
export type RequestCheck = (request: Request, context: GatewayContext) => void

/** Caller of an open route. */
const nobody: Caller = { tokenId: '', scopes: new Set(), agents: new Set(), tenant: undefined }

/**
 * Makes the app of a gateway. The order of the checks: the request itself, the token, the scope, the fields, and then
 * the route.
 */
export function createApp(
  context: GatewayContext,
  routes: readonly Route[],
  checks: readonly RequestCheck[],
): GatewayApp {
  const app: GatewayApp = new Hono()
  app.onError((error) => {
    const problem = asProblem(error)
    if (problem.problem.status === 500) context.options.logger?.error({ error }, 'A request has failed')
    return problemAnswer(problem)
  })
  app.use('*', async ({ req }, next) => {
    for (const check of checks) check(req.raw, context)
    await next()
  })
  for (const route of routes)
    app.on(route.method.toUpperCase(), honoPath(route.path), ({ req, env }) =>
      answer(route, { context, raw: req.raw, address: env.address }, req.param()),
    )
  refuseMethods(app, routes)
  app.notFound(({ req }) =>
    problemAnswer(
      notFound(
        'ERR_OPENCODE_NOT_FOUND',
        `There is no ${req.method} here: see /v1/openapi.json for the paths`,
      ),
    ),
  )
  return app
}

/** Runs the checks of a route, then the route. */
async function answer(
  route: Route,
  request: { context: GatewayContext; raw: Request; address: string | undefined },
  given: Record<string, string>,
): Promise<Response> {
  const { context, raw, address } = request
  const caller = route.scopes === 'open' ? nobody : await permitted(route.scopes, context, raw, address)
  const params = readParameters(route.params ?? {}, given)
  const query = readParameters(route.query ?? {}, queryOf(new URL(raw.url)))
  const body = route.body && (await readBody(raw, route.body, context.options.maxBodyBytes))
  return route.handle({ ...request, caller, params, query, body })
}

/** Returns the caller, if the caller has one of the scopes. */
async function permitted(
  scopes: Exclude<Route['scopes'], 'open'>,
  { authority }: GatewayContext,
  request: Request,
  address: string | undefined,
): Promise<Caller> {
  const caller = await authority.authenticate(request, address)
  if (caller instanceof ProblemError) throw caller
  if (scopes.some((scope) => caller.scopes.has(scope))) return caller
  throw new ProblemError({
    status: 403,
    code: 'ERR_OPENCODE_FORBIDDEN',
    detail: `The token lacks the scope ${scopes.join(' or ')}: use a token that has it`,
  })
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

const honoPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1')
