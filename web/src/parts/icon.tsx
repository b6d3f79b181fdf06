import './icon.css'

/** Outlines of the icons, drawn in a square of 16. */
const outlines = {
  fleet: 'M2.5 3h11v3.5h-11zM2.5 9.5h11V13h-11zM5 4.75h.01M5 11.25h.01',
  approvals: 'M8 1.8 13 3.6v4.2c0 3-2 5.2-5 6.4-3-1.2-5-3.4-5-6.4V3.6zM5.8 8l1.6 1.6 3-3.2',
  usage: 'M2.5 13.5h11M4 13.5V8.5M8 13.5v-10M12 13.5V6.5',
  back: 'M9.5 3.5 5 8l4.5 4.5',
  close: 'm4 4 8 8m0-8-8 8',
  copy: 'M5.5 5.5h8v8h-8zM3.5 10.5h-1v-8h8v1',
  check: 'm3 8.5 3.2 3.2L13 4.8',
  file: 'M4 1.8h5l3.2 3.2v9.2H4zM9 1.8V5h3.2',
  clip: 'm13 7.5-5.3 5.3a3.2 3.2 0 0 1-4.5-4.5L8.6 2.9a2.1 2.1 0 0 1 3 3L6.2 11.300a1 1 0 0 1-1.5-1.500l4.8-4.7',
  play: 'M5 3.2v9.600l7.5-4.800z',
  stop: 'M4 4h8v8H4z',
  down: 'M3.5 6 8 10.5 12.5 6',
  right: 'M6 3.5 10.5 8 6 12.5',
  up: 'M3.5 10 8 5.5 12.5 10',
  search: 'M7 2.500a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.300l3.2 3.2',
  bell: 'M4 6.500a4 4 0 0 1 8 0c0 3.5 1.3 4.5 1.3 4.500H2.700S4 10 4 6.500zM6.7 13.200a1.5 1.5 0 0 0 2.6 0',
} as const

export type IconName = keyof typeof outlines

/** Icon beside a word, which says the same: it is hidden from screen readers. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={outlines[name]} />
    </svg>
  )
}
