import type { VNode } from 'preact'
import type { PendingRequest } from '../../api/types.ts'
import { paths } from '../../app/router.ts'

/** Shows that the agent asks for something, and where to answer. */
export function RequestNote({ pending: { request } }: { pending: PendingRequest }): VNode {
  return (
    <p class="turn-request" data-request-id={request.id}>
      {request.type === 'permission'
        ? `Asks for the permission “${request.permission}”.`
        : 'Asks a question.'}{' '}
      <a href={paths.approvals}>Answer</a>
    </p>
  )
}
