import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  expectLifecycle,
  fakeOpenCode,
  type FakeOpenCode,
  type LifecycleExpectation,
} from 'opencode-runtime/testing'
import type { Subscription } from 'rxjs'
import { expect, vi } from 'vitest'
import { ChatService } from '../chat.ts'
import { isEnd, type ChatEvent, type MessageEvent, type ServiceState } from '../events.ts'
import { limits, type Happening } from './chat-model.ts'

const room = 'lobby'
/** Time limit for a busy machine; no test waits for the whole time. */
const patience = { timeout: 20_000, interval: 5 }

/** State of a real service. */
export interface Sight {
  status: ServiceState
  /** Number of messages whose end no client has received. */
  open: number
  /** Number of messages that occupy a place in their room. */
  placed: number
  /** Number of live processes. */
  alive: number
  /** True if the first open message waits for a client's permission, and therefore runs. */
  asks: boolean
}

/** Chat service on processes of a fake opencode, with a function for each happening of the model. */
export class ChatSubject implements AsyncDisposable {
  /** Events that the clients received. */
  readonly events: ChatEvent[] = []
  /** Ids of accepted messages, in order. */
  readonly taken: string[] = []
  readonly #home: string
  readonly #fake: FakeOpenCode
  readonly #chat: ChatService
  readonly #lifecycle: LifecycleExpectation
  #client: Subscription

  static async start(): Promise<ChatSubject> {
    const fake = await fakeOpenCode()
    fake.hold()
    return new ChatSubject(await mkdtemp(join(tmpdir(), 'chat-test-')), fake)
  }

  private constructor(home: string, fake: FakeOpenCode) {
    this.#home = home
    this.#fake = fake
    this.#chat = new ChatService(
      {
        home,
        proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-unused' },
        models: ['gpt-4o'],
        binary: fake.binary,
        maxRestarts: limits.maxRestarts,
        backoffInitialMs: 1,
        warmUp: false,
      },
      { maxOpenPerRoom: limits.maxOpenPerRoom, drainMs: 600_000, retryMs: 600_000 },
    )
    this.#lifecycle = expectLifecycle(this.#chat.actor.getSnapshot().context.server)
    this.#chat.events$.subscribe((event) => this.events.push(event))
    this.#client = this.#chat.room$(room).subscribe()
  }

  /** Functions that cause a happening; `settle` waits for its effects. */
  readonly happen: Record<Happening, () => unknown> = {
    'a client posts': () => {
      const posted = this.#chat.post(room, 'permission')
      if ('message' in posted) this.taken.push(posted.message)
    },
    'a client cancels': () => this.#chat.cancel(room, this.open[0] ?? 'none'),
    'a client allows': () => this.#chat.answer(room, this.#asked(this.open[0]) ?? 'none', true),
    'the last client leaves': () => {
      this.#client.unsubscribe()
      this.#client = this.#chat.room$(room).subscribe()
    },
    'the server comes up': () => this.#fake.release(),
    'the server crashes': async () => {
      const pid = this.#pids.find(isAlive) ?? NaN
      process.kill(pid, 'SIGKILL')
      await vi.waitFor(() => expect(isAlive(pid)).toBe(false), patience)
    },
    'the host retries': () => this.#chat.retry(),
    'the host closes': () => void this.#chat.close(),
  }

  /** Waits until the service is in the expected state, and holds the next start of its server. */
  async settle(expected: Sight): Promise<void> {
    await vi.waitFor(() => expect(this.look()).toEqual(expected), patience)
    if (expected.status === 'ready') this.#fake.hold()
  }

  look(): Sight {
    const [first] = this.open
    return {
      status: this.#chat.status.status,
      open: this.open.length,
      placed: this.#chat.actor.getSnapshot().context.open.length,
      alive: this.#pids.filter(isAlive).length,
      asks: this.#asked(first) !== undefined,
    }
  }

  /** Ends of messages in order: `answer`, or the code of an error. */
  get ends(): string[] {
    return this.#messages.filter(isEnd).map((end) => (end.type === 'error' ? end.code : end.type))
  }

  /** Closes the service, and asserts that each message ended once, each transition was declared, and no process is left. */
  async finish(): Promise<void> {
    await this.#close()
    this.#lifecycle.toBeDeclared()
    const ended = this.#messages.filter(isEnd).map(({ message }) => message)
    expect(ended.sort()).toEqual(this.taken.sort())
    expect(this.#pids.filter(isAlive)).toEqual([])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
    await this.#fake.stop()
    await rm(this.#home, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  }

  /** Closes the service without clients, so that no running answer delays the close. */
  #close(): Promise<void> {
    this.#client.unsubscribe()
    return this.#chat.close()
  }

  get open(): string[] {
    const ended = this.#messages.filter(isEnd).map(({ message }) => message)
    return this.taken.filter((message) => !ended.includes(message))
  }

  get #messages(): MessageEvent[] {
    return this.events.filter((event) => event.type !== 'status')
  }

  get #pids(): number[] {
    return this.#fake.starts.map(({ pid }) => pid)
  }

  /** Returns the permission request of a message. */
  #asked(message: string | undefined): string | undefined {
    const asks = this.#messages.filter((event) => event.type === 'permission' && event.message === message)
    return asks.map((event) => ('request' in event ? event.request : undefined))[0]
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
