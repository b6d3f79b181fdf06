import { EventSourceParserStream } from 'eventsource-parser/stream'
import { from, lastValueFrom, toArray } from 'rxjs'
import { onTestFinished } from 'vitest'
import type { OpenCodeServerOptions, Reply } from '../../src/index.ts'
import { fakeOpenCode, type FakeFaults, type FakeRule } from '../../src/testing/index.ts'
import { expectNothingLeft, tempHome } from './home.ts'

/**
 * Returns the options of a server on a fake opencode, and asserts at the end of the test that nothing of the server is
 * left. The test closes the server itself, by an `onTestFinished` of its own: the last one runs first.
 */
export async function exampleOptions(
  faults: FakeFaults | readonly FakeFaults[] = {},
  script: readonly FakeRule[] = [],
) {
  const home = tempHome()
  const fake = await fakeOpenCode(faults, { script })
  const options: OpenCodeServerOptions = {
    home,
    proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-fake-test-0123456789' },
    models: ['gpt-4o'],
    binary: fake.binary,
    backoffInitialMs: 1,
  }
  onTestFinished(async () => {
    await expectNothingLeft(home)
    await fake.stop()
  })
  return { options, fake, home }
}

/** Posts JSON. */
export const post = (url: string, body: unknown, init: RequestInit = {}): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...init,
  })

/** Reads the replies of a response, one event each. */
export async function* repliesOf({ body }: Response): AsyncGenerator<Reply> {
  const events = body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
  for await (const { data } of events ?? []) yield JSON.parse(data) as Reply
}

/** Returns all further items. `Array.fromAsync` is not in Node 20. */
export const all = <T>(items: AsyncIterable<T>): Promise<T[]> => lastValueFrom(from(items).pipe(toArray()))
