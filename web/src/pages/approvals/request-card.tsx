import { useEffect, useRef } from 'preact/hooks'
import type { RefObject } from 'preact'
import { isOver, type Card } from './cards.ts'
import { CardHead } from './card-head.tsx'
import { leave } from './card-store.ts'
import { OutcomeNote } from './outcome-note.tsx'
import { PermissionBody } from './permission-body.tsx'
import { QuestionBody } from './question-body.tsx'

/** Time for which a closed request keeps its place, so that its outcome is seen, in ms. */
const lingerMs = 20_000

/** Card of one request: what is asked in full, and the answer buttons, or the outcome. */
export function RequestCard({ card }: { card: Card }) {
  const article = useRef<HTMLElement>(null)
  const { pending } = card
  const { request } = pending
  const over = isOver(card)
  useLeaving(article, request.id, over)
  const titleId = `request-title-${request.id}`
  return (
    <article
      class="approvals-card"
      ref={article}
      tabIndex={0}
      data-request-id={over ? undefined : request.id}
      data-over={over}
      aria-labelledby={titleId}
    >
      <CardHead pending={pending} titleId={titleId} isOver={over} />
      {request.type === 'permission' ? (
        <PermissionBody card={card} request={request} />
      ) : (
        <QuestionBody card={card} request={request} />
      )}
      {over && <OutcomeNote card={card} />}
    </article>
  )
}

/** Takes a closed request away after a while, unless the person is there. */
function useLeaving(article: RefObject<HTMLElement | null>, id: string, over: boolean): void {
  useEffect(() => {
    if (!over) return undefined
    const check = () => {
      if (article.current?.matches(':hover, :focus-within') === true) timer = setTimeout(check, 1_000)
      else leave(id)
    }
    let timer = setTimeout(check, lingerMs)
    return () => clearTimeout(timer)
  }, [article, id, over])
}
