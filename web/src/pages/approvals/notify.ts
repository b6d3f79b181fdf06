import type { PendingRequest } from '../../api/types.ts'
import { visibleText } from '../../parts/text/visible.ts'
import { titleOf } from './asked.ts'

/** State of the browser's notifications. */
export type NotifyState = 'insecure' | 'missing' | 'denied' | 'off' | 'on'

/** Returns the state of the browser's notifications. */
export function notifyStateOf({
  isSecure,
  permission,
  isWished,
}: {
  isSecure: boolean
  /** Permission of the browser; `undefined` for a browser without notifications. */
  permission: NotificationPermission | undefined
  isWished: boolean
}): NotifyState {
  if (!isSecure) return 'insecure'
  if (permission === undefined) return 'missing'
  if (permission === 'denied') return 'denied'
  return permission === 'granted' && isWished ? 'on' : 'off'
}

/** Reasons for which notifications cannot be turned on. */
export const notifyWords: Readonly<Partial<Record<NotifyState, string>>> = {
  insecure: 'Notifications need https or localhost.',
  missing: 'This browser has no notifications.',
  denied: 'Notifications are blocked in the settings of the browser.',
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
