/** Part of a text: characters without marks, or what marks make of them. */
export type Inline = string | InlineNode

/** Part of a text that marks have made. */
export type InlineNode =
  | { type: 'strong' | 'em' | 'del'; children: Inline[] }
  | {
      type: 'link'
      href: string
      /** Text as it is written. */ text: string
      children: Inline[]
    }
  | { type: 'image'; href: string; text: string }
  | { type: 'code'; text: string }
  | { type: 'break' }
