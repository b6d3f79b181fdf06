import './layout.css'
import type { ComponentChildren } from 'preact'

interface PageHeadProps {
  title: ComponentChildren
  /** Content beside the title, such as a badge. */
  beside?: ComponentChildren
  /** One line below the title. */
  below?: ComponentChildren
  actions?: ComponentChildren
}

/** Head of a page: its title, and what can be done. */
export function PageHead({ title, beside, below, actions }: PageHeadProps) {
  return (
    <div class="page-head">
      <div class="page-head-text">
        <div class="row">
          <h1>{title}</h1>
          {beside}
        </div>
        {below !== undefined && <div class="page-head-below">{below}</div>}
      </div>
      {actions !== undefined && <div class="row">{actions}</div>}
    </div>
  )
}

interface CardProps {
  title: ComponentChildren
  actions?: ComponentChildren
  children?: ComponentChildren
}

/** Part of a page with a border. */
export function Card({ title, actions, children }: CardProps) {
  return (
    <section class="card">
      <div class="card-head">
        <h2>{title}</h2>
        {actions !== undefined && <div class="row">{actions}</div>}
      </div>
      <div class="card-body">{children}</div>
    </section>
  )
}

/** Says that there is nothing to show, and what would change that. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children !== undefined && <div class="muted">{children}</div>}
    </div>
  )
}

/** Place of a text that is on its way. */
export function Skeleton({ lines = 3 }: { lines?: number }) {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, i) => (
        <span key={i} class="skeleton-line" />
      ))}
    </div>
  )
}
