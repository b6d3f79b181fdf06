import { spawn } from 'node:child_process'

/** Variables by which a program on Linux finds a display. */
const displays = ['DISPLAY', 'WAYLAND_DISPLAY']

/** Returns whether a browser that this process starts would be seen: a display is there, and it is not another machine's. */
export function canOpen(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): boolean {
  const isSet = (name: string): boolean => (env[name] ?? '') !== ''
  if (isSet('CI')) return false
  if (platform === 'darwin') return !isSet('SSH_CONNECTION')
  return displays.some(isSet)
}

/** Opens an address in the user's browser. A failure is ignored, because the address is printed too. */
export function openInBrowser(url: string, platform: NodeJS.Platform = process.platform): void {
  const child = spawn(platform === 'darwin' ? 'open' : 'xdg-open', [url], {
    detached: true,
    stdio: 'ignore',
  })
  child.on('error', () => undefined)
  child.unref()
}
