import { filter, firstValueFrom, Observable, shareReplay, timeout } from 'rxjs'
import type { ChatEvent } from '../events.ts'

type EventOf<K> = Extract<ChatEvent, { type: K }>

/** Client of one room of a chat service, over HTTP. */
export class Client {
  /** Received events from the first on; completes when the service ends the stream. */
  readonly events$: Observable<ChatEvent>
  readonly #url: string
  readonly #leaving = new AbortController()

  constructor(baseURL: string, room: string) {
    this.#url = `${baseURL}/rooms/${room}`
    this.events$ = new Observable<ChatEvent>((subscriber) => {
      this.#read((event) => subscriber.next(event)).then(
        () => subscriber.complete(),
        (error: unknown) => subscriber.error(error),
      )
    }).pipe(shareReplay())
  }

  /** Joins the room. Resolves at the first status. */
  async join(): Promise<this> {
    await this.until('status')
    return this
  }

  leave(): void {
    this.#leaving.abort()
  }

  /** Resolves with the first event of a type that matches, also if it was received before. */
  until<K extends ChatEvent['type']>(type: K, isIt: (event: EventOf<K>) => boolean = () => true) {
    const isOne = (event: ChatEvent): event is EventOf<K> => event.type === type && isIt(event as EventOf<K>)
    return firstValueFrom(this.events$.pipe(filter(isOne), timeout(60_000)))
  }

  say(text: string): Promise<Response> {
    return this.post('messages', { text })
  }

  post(path: string, body: unknown): Promise<Response> {
    const headers = { 'content-type': 'application/json' }
    return fetch(`${this.#url}/${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  }

  cancel(message: string): Promise<Response> {
    return fetch(`${this.#url}/messages/${message}`, { method: 'DELETE' })
  }

  async #read(next: (event: ChatEvent) => void): Promise<void> {
    const { body } = await fetch(`${this.#url}/events`, { signal: this.#leaving.signal })
    let text = ''
    for await (const piece of body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const frames = (text + piece).split('\n\n')
      text = frames.pop() ?? ''
      for (const frame of frames) next(JSON.parse(frame.slice(frame.indexOf('data: ') + 6)) as ChatEvent)
    }
  }
}
