// Posts calls of host tools as the generated plugin does, in its own process, so that its memory counts for
// nothing. The calls stay open until the process ends.
import { Agent, request } from 'node:http'
import { serve } from './remote.mjs'

const agent = new Agent({ keepAlive: true, maxSockets: Infinity })

serve({
  open: ({ url, token, bodies }) => {
    for (const body of bodies) {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      request(url, { method: 'POST', headers, agent })
        .on('error', () => {})
        .end(JSON.stringify(body))
    }
    return null
  },
})
