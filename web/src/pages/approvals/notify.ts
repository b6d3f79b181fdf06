import type { PendingRequest } from '../../api/types.ts'
import { visibleText } from '../../parts/text/visible.ts'
import { titleOf } from './asked.ts'

/** State of the browser's notifications. `none`: it has none over http, or a person has blocked them. */
export type NotifyState = 'none' | 'off' | 'on'

/**
 * Returns the state of the browser's notifications.
 *
 * @param permission - permission of the browser; `undefined` for a browser without notifications
 */
export function notifyStateOf(
  permission: NotificationPermission | undefined,
  isWished: boolean,
): NotifyState {
  if (permission === undefined || permission === 'denied') return 'none'
  return permission === 'granted' && isWished ? 'on' : 'off'
}

/** Longest name in a notification, in characters. */
const longestName = 80

/**
 * Returns the notification of a request. It has no text of the request, because other people may see the screen, and
 * because the text is not to be trusted. Pages of one browser replace each other's notification by its tag.
 */
export function notificationOf({ request, agent_id }: PendingRequest): {
  title: string
  body: string
  tag: string
} {
  const name = visibleText(agent_id).slice(0, longestName)
  return { title: `${name} asks`, body: titleOf(request), tag: request.id }
}
