import './button.css'
import type { ButtonHTMLAttributes } from 'preact'

type ButtonProps = Omit<ButtonHTMLAttributes, 'class'> & {
  /** `primary` for the one action of a page, `danger` for what cannot be undone, `quiet` within a row. */
  kind?: 'primary' | 'plain' | 'danger' | 'quiet'
  /** True while the action runs: the button does nothing then. */
  busy?: boolean
  size?: 'normal' | 'small'
}

/** Button. One that is busy stays focused, and takes no further click. */
export function Button({ kind = 'plain', busy = false, size = 'normal', ...rest }: ButtonProps) {
  const { onClick, children, type = 'button', ...more } = rest
  return (
    <button
      {...more}
      type={type}
      class={`button button-${kind}${size === 'small' ? ' button-small' : ''}`}
      aria-disabled={busy || more['aria-disabled']}
      aria-busy={busy}
      onClick={busy ? (event) => event.preventDefault() : onClick}
    >
      {children}
    </button>
  )
}
