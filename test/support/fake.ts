import { onTestFinished } from 'vitest'
import { OpenCodeServer, type OpenCodeServerOptions } from '../../src/index.ts'
import { fakeOpenCode, type FakeFaults, type FakeOpenCodeOptions } from '../../src/testing/index.ts'
import { expectNothingLeft, tempHome } from './home.ts'

/** Starts a server on a fake opencode. Closes the server when the test finishes, and asserts that nothing is left. */
export async function fakeServer(
  faults: FakeFaults | readonly FakeFaults[] = {},
  options: Partial<OpenCodeServerOptions> & FakeOpenCodeOptions = {},
) {
  const { script, home = tempHome(), ...rest } = options
  const fake = await fakeOpenCode(faults, { ...(script && { script }) })
  const server = new OpenCodeServer({
    home,
    proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-fake-test-0123456789' },
    models: ['gpt-4o'],
    binary: fake.binary,
    backoffInitialMs: 10,
    ...rest,
  })
  const states: string[] = []
  server.lifecycle$.subscribe(({ state }) => {
    if (states.at(-1) !== state) states.push(state)
  })
  onTestFinished(async () => {
    await server.close()
    await fake.stop()
    await expectNothingLeft(home)
  })
  return { fake, server, home, states }
}
