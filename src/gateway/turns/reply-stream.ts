import { isTerminal } from '../../replies.ts'
import { bytesOf, EventStream, frameOf } from '../http/event-stream.ts'
import { pulledStream } from '../http/pulled-stream.ts'
import { requestOnWire } from '../schemas/request.ts'
import { statusEvent } from '../schemas/turn-status.ts'
import { replyOnWire } from '../schemas/turn.ts'
import type { LiveTurn, TurnNews } from './live-turn.ts'
import type { LoggedReply, TurnLog } from './turn-log.ts'

type Batch = readonly LoggedReply[]

/** Reader of a turn's replies. */
export interface ReplyReader {
  log: TurnLog
  turnId: string
  /** Number of the last reply that the reader has. */
  after: number
  /** True to have the times of the calls of tools. */
  hasTimes?: boolean
  /** The turn, if this gateway runs it: for the events beside the replies. */
  live: LiveTurn | undefined
  /** Signals that end the stream. */
  until: readonly AbortSignal[]
  /** Called once when the stream ends, or when the reader goes. */
  onEnd: () => void
}

/** Returns the replies of a turn as lines of JSON. */
export const repliesAsLines = (reader: ReplyReader): ReadableStream<Uint8Array> =>
  pulledStream(sourceOf(reader, reader.hasTimes ? asTimedLines : asLines))

/** Returns the replies of a turn as server-sent events, with the status and the requests of a turn that runs. */
export function repliesAsEvents(reader: ReplyReader): ReadableStream<Uint8Array> {
  const { live } = reader
  let stopNews = (): void => undefined
  const source = sourceOf(reader, reader.hasTimes ? asTimedEvents : asEvents)
  const stream = new EventStream({
    ...source,
    onEnd: () => {
      stopNews()
      source.onEnd()
    },
  })
  if (!live) return stream.body
  stream.send('status', statusEvent(live.status))
  for (const pending of live.openRequests) stream.send('request', requestOnWire(pending))
  const subscription = live.news.subscribe((news) => sendNews(stream, news))
  stopNews = () => subscription.unsubscribe()
  return stream.body
}

function sendNews(stream: EventStream, news: TurnNews): void {
  if (news.type === 'status') stream.send('status', statusEvent(news.status))
  else if (news.type === 'request') stream.send('request', requestOnWire(news.pending))
  else stream.send('request_closed', { request_id: news.requestId, by: news.by })
}

/** Returns the source of a stream of replies. */
function sourceOf({ log, turnId, after, until, onEnd }: ReplyReader, encode: (batch: Batch) => Uint8Array) {
  const gone = new AbortController()
  const batches = log.read(turnId, after, gone.signal)[Symbol.asyncIterator]()
  return {
    next: async () => {
      const next = await batches.next()
      return next.done === true ? undefined : encode(next.value)
    },
    until,
    onEnd: () => {
      gone.abort()
      void batches.return?.()
      onEnd()
    },
  }
}

/** Returns an encoder of batches that encodes a batch once for all its readers. */
function sharedBytes(encode: (reply: LoggedReply) => string): (batch: Batch) => Uint8Array {
  const known = new WeakMap<Batch, Uint8Array>()
  return (batch) => {
    const bytes = known.get(batch) ?? bytesOf(batch.map(encode).join(''))
    known.set(batch, bytes)
    return bytes
  }
}

const lineOf = (hasTimes: boolean) => (reply: LoggedReply) =>
  `${JSON.stringify(replyOnWire(reply, hasTimes))}\n`

/** The terminal reply is the last event. */
const eventOf = (hasTimes: boolean) => (reply: LoggedReply) => {
  const frame = frameOf('reply', replyOnWire(reply, hasTimes), reply.seq)
  return isTerminal(reply.reply) ? `${frameOf('status', { state: 'done' })}${frame}` : frame
}

const asLines = sharedBytes(lineOf(false))
const asTimedLines = sharedBytes(lineOf(true))
const asEvents = sharedBytes(eventOf(false))
const asTimedEvents = sharedBytes(eventOf(true))
