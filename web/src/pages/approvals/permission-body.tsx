import { useNow } from '../../live/use-value.ts'
import { useState } from 'preact/hooks'
import { alwaysScope } from './always-scope.ts'
import { AnswerBar } from './answer-bar.tsx'
import { AskedText } from './asked-text.tsx'
import { askedOf, type AskedPart } from './asked.ts'
import { useAskingCall } from './asking-call.ts'
import { isOver, type Card } from './cards.ts'
import { MessageField } from './message-field.tsx'
import type { Query } from '../../app/query.ts'
import { ErrorNote } from '../../parts/note.tsx'
import type { PermissionRequest } from './request-types.ts'

/** Properties of the body of a card. */
export interface BodyProps<Request> {
  card: Card
  request: Request
}

/** Shows in full the purpose of a permission, and its answer buttons. */
export function PermissionBody({ card, request }: BodyProps<PermissionRequest>) {
  const { pending, sent } = card
  const call = useAskingCall(pending)
  const [read, setRead] = useState<ReadonlySet<string>>(new Set())
  const [isAgreed, setAgreed] = useState(false)
  const [message, setMessage] = useState('')
  const { parts, isTold } = askedOf(request, call.data)
  const facts = {
    isSending: sent?.state === 'sending',
    isOver: pending.expires_at <= useNow(),
    isLoading: call.isLoading,
    isRead: parts.every((part) => read.has(keyOf(part))),
    isUntold: !isTold && !isAgreed,
  }
  const note = (part: AskedPart) => setRead((former) => new Set([...former, keyOf(part)]))
  const rejection = message.trim() === '' ? {} : { message: message.trim() }
  return (
    <div class="approvals-body">
      {parts.map((part) => (
        <AskedText key={keyOf(part)} part={part} onReached={() => note(part)} />
      ))}
      <CallNote call={call} isChild={request.child} />
      {!isOver(card) && (
        <>
          {!isTold && !call.isLoading && <Agreement isAgreed={isAgreed} onChange={setAgreed} />}
          <AnswerBar
            id={request.id}
            facts={facts}
            sent={sent}
            scope={alwaysScope(request.permission, request.patterns)}
            choices={[
              { kind: 'once', name: 'Allow once', answer: { reply: 'once' } },
              { kind: 'always', name: 'Always allow', answer: { reply: 'always' } },
              { kind: 'reject', name: 'Reject', answer: { reply: 'reject', ...rejection } },
            ]}
          >
            <MessageField value={message} onChange={setMessage} />
          </AnswerBar>
        </>
      )}
    </div>
  )
}

const keyOf = ({ label, text }: AskedPart): string => `${label}\n${text}`

/** Tells why the input of the tool call is not shown. */
function CallNote({ call, isChild }: { call: Query<unknown>; isChild: boolean }) {
  if (call.data !== undefined) return null
  if (call.error) return <ErrorNote error={call.error} onRetry={call.reload} />
  const text = call.isLoading
    ? 'Reading the input of the tool call…'
    : isChild
      ? 'A subagent asks. The gateway does not report the input of its tool calls.'
      : 'The gateway has no tool call for this request.'
  return <p class="approvals-note">{text}</p>
}

/** Consent of the person to an answer without knowing the call. */
const Agreement = ({ isAgreed, onChange }: { isAgreed: boolean; onChange: (isAgreed: boolean) => void }) => (
  <label class="approvals-agree">
    <input type="checkbox" checked={isAgreed} onChange={(event) => onChange(event.currentTarget.checked)} />
    The request does not tell what the call will do. I answer without seeing it.
  </label>
)
