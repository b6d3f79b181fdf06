import { isFields, parseMessage } from '../../io/opencode/wire.ts'
import { parsePrompt, unreadablePrompt, type WirePrompt } from '../../io/opencode/session-wire.ts'

/** Turn in the messages that a server stores: its prompt, and all its messages, the prompt's message first. */
export interface StoredTurn {
  prompt: WirePrompt
  entries: unknown[]
}

/**
 * Returns the turns in the messages of a session, in order. A message that continues a prompt belongs to the turn
 * before it. A note is a turn without an answer. A compaction that a caller requested, and its summary, belong to no turn. A first prompt that the server
 * cannot send has no text.
 *
 * @param messages - entries of `GET /session/{id}/message`, the oldest first
 */
export function turnsIn(messages: readonly unknown[]): StoredTurn[] {
  const turns: StoredTurn[] = []
  /** Turn of each user message, by the message's id. */
  const turnOf = new Map<string, StoredTurn>()
  for (const entry of withFirstPrompt(messages)) {
    const prompt = parsePrompt(entry)
    if (prompt?.kind === 'own' || prompt?.kind === 'note') turns.push({ prompt, entries: [] })
    const turn = prompt ? turns.at(-1) : turnOf.get(parentOf(entry))
    if (!turn || prompt?.kind === 'compaction') continue
    turn.entries.push(entry)
    if (prompt) turnOf.set(prompt.id, turn)
  }
  return turns
}

/** Returns messages that begin with a prompt; if the first message is an answer, its prompt is put before it. */
function withFirstPrompt(messages: readonly unknown[]): unknown[] {
  const first = messages.findIndex((entry) => roleOf(entry) !== undefined && !isStandIn(entry))
  const rest = messages.slice(Math.max(first, 0))
  return roleOf(rest[0]) === 'assistant' ? [unreadablePrompt(rest[0]), ...rest] : rest
}

const messageOf = (entry: unknown) => (isFields(entry) ? parseMessage(entry['info']) : undefined)
const roleOf = (entry: unknown) => messageOf(entry)?.role
/** Returns whether a message stands for one that the server could not send, so that it has no id. */
const isStandIn = (entry: unknown): boolean => messageOf(entry)?.id === ''

/** Returns the id of the user message that an assistant message answers. */
const parentOf = (entry: unknown): string => messageOf(entry)?.parentId ?? ''
