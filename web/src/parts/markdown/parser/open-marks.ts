import type { Inline } from './inline-node.ts'

/** Deepest nesting of emphasis and links; further marks stay text. */
const deepest = 10

/** Mark whose end is not known yet, and what follows the mark. */
interface Open {
  mark: string
  /** Index in the source after the mark. */
  start: number
  children: Inline[]
}

/** Parts of a text while they are read. A mark that is never closed becomes text. */
export class OpenMarks {
  /** Outermost parts, and the marks that are open, the innermost last. */
  readonly #open: Open[] = [{ mark: '', start: 0, children: [] }]

  /** Adds a part to the innermost mark. */
  add(part: Inline): void {
    const children = this.#open.at(-1)?.children ?? []
    const last = children.at(-1)
    if (part === '') return
    if (typeof part === 'string' && typeof last === 'string') children[children.length - 1] = last + part
    else children.push(part)
  }

  /** Opens a mark; a mark that is nested too deep is text. */
  open(mark: string, start = 0): void {
    if (this.#open.length > deepest) this.add(mark)
    else this.#open.push({ mark, start, children: [] })
  }

  /** Takes a run of marks of emphasis, which may close what is open, and open something else. */
  run(run: string, { opens, closes }: { opens: boolean; closes: boolean }): void {
    // Three marks are strong text in emphasis.
    const marks = run.length === 3 ? [run.slice(2), run.slice(1)] : [run]
    if (closes && marks.every((mark) => this.#find([mark]) > 0)) {
      marks.forEach(() => this.#close(this.#find(marks)))
    } else if (opens && run.length <= 3) for (const mark of marks) this.open(mark)
    else this.add(run)
  }

  /** True within the text of a link or an image. */
  get isInLink(): boolean {
    return this.#find(['[', '![']) > 0
  }

  /** Closes the text of a link or an image. */
  link(href: string, textOf: (start: number) => string): void {
    const place = this.#find(['[', '!['])
    const { mark, start, children } = this.#closed(place)
    const text = textOf(start)
    if (mark === '![') this.add({ type: 'image', href, text })
    else this.add({ type: 'link', href, text, children: withoutLinks(children) })
    // The text around a link is no link.
    if (mark === '[') for (const open of this.#open) if (open.mark === '[') open.mark = '[ '
  }

  /** Makes the beginning of the last link or image text. */
  dropLink(): void {
    const place = this.#find(['[', '![', '[ '])
    if (place > 0) this.#flatten(place)
  }

  /** Returns all parts. */
  finish(): Inline[] {
    this.#flatten(1)
    return this.#open[0]?.children ?? []
  }

  /** Returns the place of the innermost of some marks; -1 if none is open. */
  #find(marks: readonly string[]): number {
    return this.#open.findLastIndex(({ mark }) => marks.includes(mark))
  }

  #close(place: number): void {
    const { mark, children } = this.#closed(place)
    this.add({ type: typeOf(mark), children })
  }

  /** Takes an open mark away; the marks within it become text. */
  #closed(place: number): Open {
    this.#flatten(place + 1)
    return this.#open.pop() ?? { mark: '', start: 0, children: [] }
  }

  /** Makes the marks from a place on text. */
  #flatten(place: number): void {
    for (const { mark, children } of this.#open.splice(place))
      for (const part of [mark.trim(), ...children]) this.add(part)
  }
}

/** Returns the text of a link, in which addresses are no links. */
const withoutLinks = (parts: readonly Inline[]): Inline[] =>
  parts.flatMap((part): Inline[] => {
    if (typeof part === 'string' || !('children' in part)) return [part]
    return part.type === 'link' ? part.children : [{ ...part, children: withoutLinks(part.children) }]
  })

const typeOf = (mark: string): 'strong' | 'em' | 'del' =>
  mark.startsWith('~') ? 'del' : mark.length === 2 ? 'strong' : 'em'
