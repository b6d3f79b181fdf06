/** Block of a Markdown text. Texts of headings, paragraphs and cells have their marks still. */
export type Block =
  | { type: 'heading'; depth: number; text: string }
  | { type: 'paragraph'; text: string }
  | { type: 'code'; language: string; text: string }
  | { type: 'quote'; blocks: Block[] }
  | { type: 'list'; start: number | undefined; isLoose: boolean; items: ListItem[] }
  | { type: 'table'; alignments: Alignment[]; header: string[]; rows: string[][] }
  | { type: 'rule' }

/** Item of a list. */
export interface ListItem {
  /** State of a task; `undefined` for another item. */
  isDone: boolean | undefined
  blocks: Block[]
}

/** Alignment of a column. */
export type Alignment = 'left' | 'center' | 'right' | undefined

/** Block, and the number of the line after it. */
export interface Found {
  block: Block
  end: number
}

/** Reads the lines within a quote or an item. */
export type ReadInner = (lines: readonly string[]) => Block[]
