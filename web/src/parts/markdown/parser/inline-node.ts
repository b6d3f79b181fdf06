/** Part of a text: characters without marks, or what marks make of them. */
export type Inline = string | InlineNode

/** Part of a text that marks have made. */
export type InlineNode =
  | { type: 'strong' | 'em' | 'del'; depth: number; children: Inline[] }
  | {
      type: 'link'
      href: string
      /** Text as it is written. */ text: string
      depth: number
      children: Inline[]
    }
  | { type: 'image'; href: string; text: string }
  | { type: 'code'; text: string }
  | { type: 'break' }

/** Returns the depth of the deepest part. */
export const depthOf = (parts: readonly Inline[]): number =>
  parts.reduce(
    (deepest, part) => Math.max(deepest, typeof part === 'string' || !('depth' in part) ? 0 : part.depth),
    0,
  )
