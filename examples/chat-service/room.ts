import { openSession, type ServerActorRef, type Turn } from 'opencode-runtime'
import { fromCallback } from 'xstate'
import { progressOf, type MessageEvent } from './events.ts'

/** Command for a room. */
export type RoomCommand =
  | { type: 'message.post'; message: string; text: string }
  | { type: 'message.cancel'; message: string }
  | { type: 'permission.answer'; request: string; allow: boolean }

/** Event from a room to its parent. */
export type RoomFact = { type: 'message.told'; event: MessageEvent }

/**
 * Logic of a room: one conversation with the agent, which remembers its earlier messages. Each message is a
 * turn. Turns of one room run one after another, because turns of one session do.
 * The room keeps what has no place in a machine's context: the session and its open turns, which know the
 * permissions that the agent waits for.
 */
export const roomLogic = fromCallback<RoomCommand, { room: string; server: ServerActorRef }>(
  ({ input: { room, server }, receive, sendBack }) => {
    const session = openSession(server, { title: `Room ${room}` })
    const turns = new Map<string, Turn>()

    const post = (message: string, text: string): void => {
      const turn = session.turn({ text, traceId: message, onPermission: 'ask' })
      turns.set(message, turn)
      progressOf(turn).subscribe({
        next: (progress) =>
          sendBack({ type: 'message.told', event: { room, message, ...progress } } satisfies RoomFact),
        complete: () => turns.delete(message),
      })
    }

    /** Answers a permission; does nothing if the permission was answered before, or its turn has ended. */
    const answer = (id: string, allow: boolean): void => {
      for (const turn of turns.values())
        if (turn.openRequests.some(({ request }) => request.id === id))
          turn.answer(id, allow ? 'once' : 'reject').catch(() => undefined)
    }

    receive((command) => {
      if (command.type === 'message.post') post(command.message, command.text)
      else if (command.type === 'message.cancel') turns.get(command.message)?.cancel()
      else answer(command.request, command.allow)
    })
  },
)
