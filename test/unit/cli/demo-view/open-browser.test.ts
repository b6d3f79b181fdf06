import { expect, it } from 'vitest'
import { canOpen } from '../../../../src/cli/demo-view/open-browser.ts'

it('a browser is opened only where the person sees it', () => {
  expect(canOpen({}, 'linux')).toBe(false)
  expect(canOpen({ DISPLAY: '' }, 'linux')).toBe(false)
  expect(canOpen({ DISPLAY: ':0' }, 'linux')).toBe(true)
  expect(canOpen({ WAYLAND_DISPLAY: 'wayland-0' }, 'linux')).toBe(true)
  expect(canOpen({ DISPLAY: ':0', CI: 'true' }, 'linux')).toBe(false)
  expect(canOpen({}, 'darwin')).toBe(true)
  expect(canOpen({ SSH_CONNECTION: '10.0.0.1 1 10.0.0.2 22' }, 'darwin')).toBe(false)
})
