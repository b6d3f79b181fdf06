/** Line of a diff, with its numbers in the old and the new text. */
export interface DiffLine {
  kind: 'add' | 'remove' | 'same' | 'hunk' | 'meta'
  text: string
  before?: number
  after?: number
}

/** Numbers of added and removed lines. */
export interface DiffSize {
  added: number
  removed: number
}

const hunkHead = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/

/**
 * Returns the lines of a unified diff. The head of a hunk tells how many lines follow, so that a removed line of two
 * dashes is no head of a file.
 */
export function linesOfPatch(patch: string): DiffLine[] {
  const lines: DiffLine[] = []
  const hunk = { before: 0, after: 0, oldLeft: 0, newLeft: 0 }
  for (const text of splitLines(patch)) {
    const head = hunkHead.exec(text)
    const isInside = hunk.oldLeft > 0 || hunk.newLeft > 0
    if (head) {
      hunk.before = Number(head[1])
      hunk.after = Number(head[3])
      hunk.oldLeft = Number(head[2] ?? 1)
      hunk.newLeft = Number(head[4] ?? 1)
      lines.push({ kind: 'hunk', text })
    } else if (!isInside || text.startsWith('\\')) lines.push({ kind: 'meta', text })
    else lines.push(lineOfHunk(text, hunk))
  }
  return lines
}

function lineOfHunk(
  text: string,
  hunk: { before: number; after: number; oldLeft: number; newLeft: number },
): DiffLine {
  const content = text.slice(1)
  if (text.startsWith('+')) {
    hunk.newLeft--
    return { kind: 'add', text: content, after: hunk.after++ }
  }
  hunk.oldLeft--
  if (text.startsWith('-')) return { kind: 'remove', text: content, before: hunk.before++ }
  hunk.newLeft--
  return { kind: 'same', text: content, before: hunk.before++, after: hunk.after++ }
}

/** Most comparisons of lines; larger texts are shown as removed and added as a whole. */
const mostComparisons = 4_000_000

/** Returns the lines of the difference of two texts. */
export function linesOfTexts(before: string, after: string): DiffLine[] {
  const [a, b] = [splitLines(before), splitLines(after)]
  const shortest = Math.min(a.length, b.length)
  let head = 0
  while (head < shortest && a[head] === b[head]) head++
  let tail = 0
  while (tail < shortest - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++
  const middle = changes(a.slice(head, a.length - tail), b.slice(head, b.length - tail))
  const kinds: Change[] = [...a.slice(0, head).map(same), ...middle, ...a.slice(a.length - tail).map(same)]
  return numbered(kinds)
}

interface Change {
  kind: 'add' | 'remove' | 'same'
  text: string
}

const same = (text: string): Change => ({ kind: 'same', text })

/** Returns the lines with their numbers. */
function numbered(changes: readonly Change[]): DiffLine[] {
  let before = 1
  let after = 1
  return changes.map(({ kind, text }) => {
    if (kind === 'add') return { kind, text, after: after++ }
    if (kind === 'remove') return { kind, text, before: before++ }
    return { kind, text, before: before++, after: after++ }
  })
}

/** Returns the changes from some lines to others, by their longest common subsequence. */
function changes(a: readonly string[], b: readonly string[]): Change[] {
  if (a.length * b.length > mostComparisons)
    return [
      ...a.map((text) => ({ kind: 'remove' as const, text })),
      ...b.map((text) => ({ kind: 'add' as const, text })),
    ]
  const lengths = commonLengths(a, b)
  const width = b.length + 1
  const all: Change[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    const [old, fresh] = [a[i], b[j]]
    if (old !== undefined && old === fresh) {
      all.push(same(old))
      i++
      j++
    } else if (
      old !== undefined &&
      (fresh === undefined || at(lengths, (i + 1) * width + j) >= at(lengths, i * width + j + 1))
    ) {
      all.push({ kind: 'remove', text: old })
      i++
    } else {
      all.push({ kind: 'add', text: fresh ?? '' })
      j++
    }
  }
  return all
}

/** Returns the lengths of the longest common subsequences of all ends of both lists. */
function commonLengths(a: readonly string[], b: readonly string[]): Uint32Array {
  const width = b.length + 1
  const lengths = new Uint32Array((a.length + 1) * width)
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      lengths[i * width + j] =
        a[i] === b[j]
          ? at(lengths, (i + 1) * width + j + 1) + 1
          : Math.max(at(lengths, (i + 1) * width + j), at(lengths, i * width + j + 1))
  return lengths
}

const at = (lengths: Uint32Array, index: number): number => lengths[index] ?? 0

/** Returns the lines of a text without their ends. A line feed at the end begins no line. */
export function splitLines(text: string): string[] {
  if (text === '') return []
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  return lines
}

/** Returns the numbers of added and removed lines. */
export function sizeOf(lines: readonly DiffLine[]): DiffSize {
  const count = (kind: DiffLine['kind']) => lines.reduce((sum, line) => sum + (line.kind === kind ? 1 : 0), 0)
  return { added: count('add'), removed: count('remove') }
}
