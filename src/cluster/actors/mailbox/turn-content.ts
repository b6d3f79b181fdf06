import { ignoreErrors } from '../../../util/ignore-errors.ts'
import { messageOf } from '../../../util/messages.ts'
import { ContextError, type ContextKeys } from '../../context-seal.ts'
import { sha256Of, type AgentKey, type ClusterStore, type ParcelRef } from '../../store/cluster-store.ts'
import type { SentTurn, TurnContent } from '../../turn-facts.ts'

/** Terms under which the content of a turn is opened. */
export interface ContentTerms {
  readonly store: Pick<ClusterStore, 'name' | 'parcels'>
  readonly agent: AgentKey
  /** Keys of the contexts of turns; `undefined` for a host that opens none. */
  readonly contexts?: ContextKeys | undefined
}

/** Content of a turn with its context, or the reason why the turn cannot run. */
export type OpenedContent =
  { readonly input: TurnContent['input']; readonly context?: unknown } | { readonly error: string }

/**
 * Opens the content of a turn: of its message, or of the parcel that the message refers to.
 *
 * @throws ClusterStoreError `unavailable`
 */
export async function openContent(sent: SentTurn, terms: ContentTerms): Promise<OpenedContent> {
  const content = sent.parcel ? await parcelOf(sent, terms) : sent
  if (!content)
    return {
      error:
        'The content of the turn, which is larger than a message, is not there as it was sent: send the turn again',
    }
  // A context counts only if it was sealed.
  const { context: _unsealed, ...input } = Object(content.input) as Record<string, unknown>
  if (typeof content.context !== 'string') return { input }
  const { agent, contexts, store } = terms
  try {
    if (!contexts) throw new ContextError('this host has no key (option contextKey of joinCluster)')
    const context = contexts.open(content.context, { ...agent, cluster: store.name, turnId: sent.turnId })
    return { input, context }
  } catch (error) {
    return { error: `The context of the turn cannot be opened: ${messageOf(error)}` }
  }
}

/** Returns the content in the parcel of a turn; `undefined` for a parcel that is not there, or is another one. */
async function parcelOf(
  { parcel, turnId }: SentTurn,
  { store, agent }: ContentTerms,
): Promise<TurnContent | undefined> {
  const { bytes: size = 0, sha256 = '' } = Object(parcel) as Partial<ParcelRef>
  // The digest becomes a part of a subject.
  if (!Number.isSafeInteger(size) || size <= 0 || !/^[0-9a-f]{64}$/.test(sha256)) return undefined
  const bytes = await store.parcels.get(agent, turnId, { bytes: size, sha256 })
  if (!bytes || sha256Of(bytes) !== sha256) return undefined
  return ignoreErrors(() => Object(JSON.parse(Buffer.from(bytes).toString('utf8'))) as TurnContent)
}
