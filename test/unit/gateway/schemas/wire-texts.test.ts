import { describe, expect, it } from 'vitest'
import { wireTexts } from '../../../../src/gateway/schemas/wire-texts.ts'

describe('wireTexts', () => {
  it.each([
    ['its maxQueuedTurns allows 5', 'its max_queued_turns allows 5'],
    ['dataDir /srv/dataDir is used', 'data_dir /srv/dataDir is used'],
    ['limits.maxServers/maxStarting', 'limits.max_servers/max_starting'],
    ['option `proxy.baseURL`', 'option `proxy.base_url`'],
    [
      'turn input deadlineMs, gateway allowedHosts, hostTools',
      'turn input deadline_ms, gateway allowed_hosts, host_tools',
    ],
    [
      'agent "maxServers" says memoryMb, not providerName',
      'agent "maxServers" says memory_mb, not providerName',
    ],
    ['http://127.0.0.1/maxServers someCamelCase', 'http://127.0.0.1/maxServers someCamelCase'],
  ])('writes %s as %s', (message, text) => expect(wireTexts(message)).toBe(text))
})
