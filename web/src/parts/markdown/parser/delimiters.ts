import { depthOf, type Inline, type InlineNode } from './inline-node.ts'

/** Deepest nesting of emphasis and links; further marks stay text. */
const deepest = 10

/** Run of marks that may begin or end emphasis. */
interface Run {
  char: string
  /** Marks that are left. */
  length: number
  canOpen: boolean
  canClose: boolean
}

/** Beginning of the text of a link or an image. */
interface Opener {
  mark: '[' | '!['
  /** Index in the source after the mark. */
  start: number
  /** False within a link: a link has no links in it. */
  isActive: boolean
}

type Entry = { part: Inline } | { run: Run } | { opener: Opener }

/** Parts of a text while they are read, with the marks whose meaning is not known yet. */
export class DelimiterList {
  #entries: Entry[] = []
  /** Places of the openers. */
  readonly #openers: number[] = []

  /** Adds a part. */
  add(part: Inline): void {
    const last = this.#entries.at(-1)
    if (typeof part === 'string' && last && 'part' in last && typeof last.part === 'string') last.part += part
    else this.#entries.push({ part })
  }

  /**
   * Adds a run of marks.
   *
   * @param char - the mark
   * @param length - number of marks
   * @param before - character before the run; empty at the beginning
   * @param after - character after the run; empty at the end
   */
  run(char: string, length: number, before: string, after: string): void {
    const isLeft = isFlanking(after, before)
    const isRight = isFlanking(before, after)
    const isWithin = isLeft && isRight
    // An underscore within a word is a part of a name.
    const canOpen = isLeft && (char !== '_' || !isWithin || isPunctuation(before))
    const canClose = isRight && (char !== '_' || !isWithin || isPunctuation(after))
    if (char === '~' && length > 2) this.add('~'.repeat(length))
    else this.#entries.push({ run: { char, length, canOpen, canClose } })
  }

  /** Adds the beginning of a link or an image. */
  open(mark: '[' | '![', start: number): void {
    this.#openers.push(this.#entries.length)
    this.#entries.push({ opener: { mark, start, isActive: true } })
  }

  /** Last beginning of a link or an image that has not ended; `undefined` if it cannot be one. */
  get opener(): Opener | undefined {
    const entry = this.#entries[this.#openers.at(-1) ?? -1]
    return entry && 'opener' in entry && entry.opener.isActive ? entry.opener : undefined
  }

  /** Makes the last opener text. */
  dropOpener(): void {
    const place = this.#openers.pop()
    const entry = place === undefined ? undefined : this.#entries[place]
    if (place !== undefined && entry && 'opener' in entry) this.#entries[place] = { part: entry.opener.mark }
  }

  /** Ends the last opener: what follows it becomes a link or an image. */
  link(href: string, text: string): void {
    const opener = this.opener
    const place = this.#openers.pop()
    if (!opener || place === undefined) return
    const children = withoutLinks(emphasized(this.#entries.splice(place).slice(1)))
    const depth = depthOf(children) + 1
    if (opener.mark === '![') this.add({ type: 'image', href, text })
    else if (depth > deepest) this.add(`[${text}](${href})`)
    else {
      this.add({ type: 'link', href, text, depth, children })
      this.#deactivate()
    }
  }

  /** Returns all parts. */
  finish(): Inline[] {
    return emphasized(this.#entries)
  }

  #deactivate(): void {
    for (const place of this.#openers) {
      const entry = this.#entries[place]
      if (entry && 'opener' in entry && entry.opener.mark === '[') entry.opener.isActive = false
    }
  }
}

/** Returns the text of a link, in which addresses are no links. */
const withoutLinks = (parts: readonly Inline[]): Inline[] =>
  parts.flatMap((part): Inline[] => {
    if (typeof part === 'string' || !('children' in part)) return [part]
    return part.type === 'link'
      ? withoutLinks(part.children)
      : [{ ...part, children: withoutLinks(part.children) }]
  })

const isSpace = (char: string): boolean => char === '' || /\s/.test(char)
const isPunctuation = (char: string): boolean => char === '' || /[\p{P}\p{S}]/u.test(char)

/** Returns whether a run stands beside a word, on the side of the first character. */
const isFlanking = (inner: string, outer: string): boolean =>
  !isSpace(inner) && (!isPunctuation(inner) || isSpace(outer) || isPunctuation(outer))

/** Returns parts with their emphasis. */
function emphasized(entries: readonly Entry[]): Inline[] {
  const parts: (Inline | Run)[] = []
  /** Places of the runs that may begin emphasis, by their marks. */
  const open: Record<string, number[]> = { '*': [], _: [], '~': [] }
  for (const entry of entries) {
    if ('part' in entry) parts.push(entry.part)
    else if ('opener' in entry) parts.push(entry.opener.mark)
    else closeAndOpen(parts, open, { ...entry.run })
  }
  return joined(parts.map((part) => (isRun(part) ? textOf(part) : part)))
}

const isRun = (part: Inline | Run): part is Run => typeof part === 'object' && 'canOpen' in part

/** Closes as many runs as a run can, and keeps what is left of the run. */
function closeAndOpen(parts: (Inline | Run)[], open: Record<string, number[]>, run: Run): void {
  const places = open[run.char] ?? []
  while (run.canClose && run.length > 0) {
    const place = openerOf(parts, places, run)
    if (place === undefined) break
    const node = nodeOf(parts, place, run)
    if (!node) {
      // What is nested too deep stays text, and so do all marks around it.
      places.length = 0
      break
    }
    for (const others of Object.values(open)) while ((others.at(-1) ?? -1) > place) others.pop()
    if (parts.length === place) places.pop()
    parts.push(node)
  }
  if (run.length === 0) return
  if (run.canOpen) places.push(parts.length)
  parts.push(run.canOpen ? run : textOf(run))
}

/** Openers that are tried for a run, from the last one back. */
const mostTries = 50

/**
 * Returns the place of the run that a run closes. Runs that could both open and close do not match if their lengths
 * make a multiple of three, so that `**a*b**` is one strong text (CommonMark, rules 9 and 10 of emphasis).
 */
function openerOf(parts: readonly (Inline | Run)[], places: readonly number[], run: Run): number | undefined {
  for (const place of places.slice(-mostTries).reverse()) {
    const opener = parts[place]
    if (opener === undefined || !isRun(opener)) continue
    const isEither = opener.canClose || run.canOpen
    const isOdd = isEither && (opener.length + run.length) % 3 === 0 && run.length % 3 !== 0
    if (run.char === '~' ? opener.length === run.length : !isOdd) return place
  }
  return undefined
}

/** Takes the parts after an opener, and the marks that are used, into a node; `undefined` if it would be too deep. */
function nodeOf(parts: (Inline | Run)[], place: number, run: Run): InlineNode | undefined {
  const opener = parts[place]
  if (opener === undefined || !isRun(opener)) return undefined
  const size = Math.min(opener.length, run.length, 2)
  const children = joined(parts.slice(place + 1).map((part) => (isRun(part) ? textOf(part) : part)))
  const depth = depthOf(children) + 1
  if (depth > deepest) return undefined
  opener.length -= size
  run.length -= size
  parts.length = opener.length === 0 ? place : place + 1
  return { type: typeOf(run.char, size), depth, children }
}

const textOf = ({ char, length }: Run): string => char.repeat(length)

const typeOf = (char: string, size: number): 'strong' | 'em' | 'del' =>
  char === '~' ? 'del' : size === 2 ? 'strong' : 'em'

/** Returns parts with neighbouring texts as one. */
function joined(parts: readonly Inline[]): Inline[] {
  const all: Inline[] = []
  for (const part of parts) {
    const last = all.at(-1)
    if (typeof part === 'string' && typeof last === 'string') all[all.length - 1] = last + part
    else all.push(part)
  }
  return all
}
