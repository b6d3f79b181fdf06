import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { AnswerLine } from './host-plugin-text.ts'

/** Call of a host tool, as the generated plugin sends it. */
export interface PostedCall {
  sessionId: string
  messageId: string
  callId: string
  /** Key of the tool. */
  tool: string
  args: unknown
}

/** Result of a call: the output for the model with its images, or the error that the model is told. */
export type HostAnswer = Exclude<AnswerLine, { progress: string }>

/** Call that is being answered. */
export interface AnsweredCall {
  /** Resolves with the result. Never rejects. */
  answer: Promise<HostAnswer>
  /** Ends the call, because opencode no longer waits for it. */
  abort: () => void
}

/** Answers a call; `progress` reports a title to opencode. */
export type CallHandler = (call: PostedCall, progress: (title: string) => void) => AnsweredCall

/** Loopback endpoint to which the generated plugin of one spawn sends its calls. */
export interface HostEndpoint {
  readonly port: number
  /** Secret that opens a connection; new for each spawn. */
  readonly token: string
  /** Ends all calls, and closes the port. */
  close: () => void
}

/** Maximum size of a call, in characters. */
const maxCallLength = 10 * 1024 * 1024
/** Time limit for the token of a new connection, in ms. */
const tokenTimeoutMs = 5_000

/**
 * Opens an endpoint on a free loopback port. The port does not keep the process alive. All calls of a plugin
 * share one connection, with one JSON value per line, because an HTTP exchange per open call takes 7.5 kB.
 * @throws the system's error if the port cannot be opened
 */
export async function openHostEndpoint(handler: CallHandler): Promise<HostEndpoint> {
  const token = randomBytes(24).toString('base64url')
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    serve(socket, token, handler)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  // Without a descriptor for a connection, only that connection fails.
  server.on('error', () => undefined)
  server.unref()
  const close = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  return { port: (server.address() as AddressInfo).port, token, close }
}

/** Answers the calls of a connection that begins with the token. The end of the connection ends its calls. */
function serve(socket: Socket, token: string, handler: CallHandler): void {
  const running = new Map<number, AnsweredCall>()
  const limit = setTimeout(() => socket.destroy(), tokenTimeoutMs).unref()
  let receive = (line: string): boolean => {
    clearTimeout(limit)
    receive = (next) => receiveLine(next, socket, running, handler)
    return isSame(line, token)
  }
  socket.setEncoding('utf8')
  socket.on('error', () => undefined)
  socket.on(
    'data',
    linesTo(
      (line) => receive(line),
      () => socket.destroy(),
    ),
  )
  socket.once('close', () => {
    clearTimeout(limit)
    for (const { abort } of running.values()) abort()
  })
}

/** Applies a line of the plugin, and returns whether it is a call or the end of one. */
function receiveLine(
  line: string,
  socket: Socket,
  running: Map<number, AnsweredCall>,
  handler: CallHandler,
): boolean {
  const { id, abort, call } = parseLine(line)
  if (typeof id !== 'number') return false
  if (abort) running.get(id)?.abort()
  else if (call && !running.has(id)) {
    const send = (answer: AnswerLine): unknown =>
      running.has(id) && !socket.destroyed && socket.write(`${JSON.stringify({ id, ...answer })}\n`)
    const answered = handler(call, (progress) => send({ progress }))
    running.set(id, answered)
    void answered.answer.then((result) => {
      send(result)
      running.delete(id)
    })
  }
  return abort || call !== undefined
}

/**
 * Returns a receiver of text that passes each line on, until a line is not accepted. Calls `onRefused` for such a
 * line, and for a line without an end; lines that came together with a wrong token are not read.
 */
function linesTo(accept: (line: string) => boolean, onRefused: () => void): (text: string) => void {
  let rest = ''
  return (text) => {
    rest += text
    if (rest.length > maxCallLength) return onRefused()
    if (!text.includes('\n')) return
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    if (!lines.every(accept)) onRefused()
  }
}

function isSame(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)]
  return a.length === b.length && timingSafeEqual(a, b)
}

function parseLine(line: string): { id: unknown; abort: boolean; call: PostedCall | undefined } {
  try {
    const fields = Object(JSON.parse(line)) as Record<string, unknown>
    return { id: fields['id'], abort: fields['abort'] === true, call: callOf(fields) }
  } catch {
    return { id: undefined, abort: false, call: undefined }
  }
}

function callOf({
  sessionID,
  messageID,
  callID,
  tool,
  args,
}: Record<string, unknown>): PostedCall | undefined {
  const ids = [sessionID, messageID, callID, tool]
  if (!ids.every((id): id is string => typeof id === 'string')) return undefined
  const [sessionId = '', messageId = '', callId = '', key = ''] = ids
  return { sessionId, messageId, callId, tool: key, args }
}
