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

/** Returns the lines of the difference of two texts: what is between their common beginning and their common end. */
export function linesOfTexts(before: string, after: string): DiffLine[] {
  const [a, b] = [splitLines(before), splitLines(after)]
  const shortest = Math.min(a.length, b.length)
  let head = 0
  while (head < shortest && a[head] === b[head]) head++
  let tail = 0
  while (tail < shortest - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++
  const same = (text: string, i: number): DiffLine => ({
    kind: 'same',
    text,
    before: i + 1,
    after: i + 1 + (i < head ? 0 : b.length - a.length),
  })
  const old = a.map(same)
  return [
    ...old.slice(0, head),
    ...old
      .slice(head, a.length - tail)
      .map(({ text, before = 0 }) => ({ kind: 'remove' as const, text, before })),
    ...b.slice(head, b.length - tail).map((text, i) => ({ kind: 'add' as const, text, after: head + i + 1 })),
    ...old.slice(a.length - tail),
  ]
}

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
