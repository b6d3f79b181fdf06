import { computed, effect, signal } from '@preact/signals-core'
import { navigate, paths } from '../../app/router.ts'
import { now, requests } from '../../live/store.ts'
import { notificationOf, notifyStateOf } from './notify.ts'

/** Key of the wish in the storage of the browser. */
const storageKey = 'opencode-runtime:notify'

const isWished = signal(readWish())
const permission = signal(
  isSecureContext && 'Notification' in globalThis ? Notification.permission : undefined,
)

/** State of the browser's notifications. */
export const notifyState = computed(() => notifyStateOf(permission.value, isWished.value))

/** Turns notifications on or off. Asks the browser for its permission, which it gives only after a click. */
export async function toggleNotifications(): Promise<void> {
  const isOn = notifyState.value !== 'on'
  if (isOn && permission.value === 'default') permission.value = await Notification.requestPermission()
  isWished.value = isOn
  writeWish(isOn)
}

/** Age from which a request is no news, such as one that is listed when a page opens, in ms. */
const oldMs = 60_000

/** Shows a notification for each request that opens while no page of the view has the focus. Returns the end. */
export function startNotifications(): () => void {
  const told = new Set<string>()
  return effect(() => {
    const open = requests.value
    for (const pending of open) {
      const { id } = pending.request
      if (told.has(id)) continue
      told.add(id)
      const isNews = now.peek() - pending.at < oldMs
      if (isNews && notifyState.peek() === 'on' && !document.hasFocus()) show(pending)
    }
    const ids = new Set(open.map(({ request }) => request.id))
    for (const id of told) if (!ids.has(id)) told.delete(id)
  })
}

function show(pending: Parameters<typeof notificationOf>[0]): void {
  const { title, body, tag } = notificationOf(pending)
  const notification = new Notification(title, { body, tag })
  notification.onclick = () => {
    window.focus()
    navigate(paths.approvals)
    notification.close()
  }
}

function readWish(): boolean {
  try {
    return localStorage.getItem(storageKey) === 'on'
  } catch {
    return false
  }
}

function writeWish(isOn: boolean): void {
  try {
    localStorage.setItem(storageKey, isOn ? 'on' : 'off')
  } catch {
    // A browser without storage forgets the wish.
  }
}
