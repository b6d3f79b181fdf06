import { z } from 'zod'
import { empty } from '../http/answers.ts'
import { route } from '../http/route.ts'
import type { GatewayPart } from '../part.ts'
import { named } from '../schemas/named.ts'

const loginBody = named('Login', () =>
  z.strictObject(
    { token: z.string('expected a token').min(1, 'expected a token').max(1024, 'expected a token') },
    'expected an object with the token',
  ),
)

/** Route by which the view exchanges a token for its cookie. */
export const loginPart = (): GatewayPart => ({ routes: [login] })

const login = route({
  id: 'login',
  method: 'post',
  path: '/v1/login',
  tag: 'View',
  summary: 'Exchanges a token for the cookie of the view',
  scopes: 'open',
  body: { schema: loginBody },
  problems: [401, 429, 507],
  answers: { 204: { description: 'The token is valid', headers: { 'Set-Cookie': 'Cookie of the view' } } },
  async handle({ context: { authority }, body: { token }, raw, address }) {
    const cookie = await authority.login(token, raw, address)
    return empty(204, cookie === undefined ? {} : { 'set-cookie': cookie })
  },
})
