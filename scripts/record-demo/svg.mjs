// Pieces of a recording as an SVG that plays by itself: CSS only, no script, no font of its own.

const size = { font: 14, cell: 8.4, line: 20, left: 20, top: 52 }
const palette = {
  red: '#ff7b72',
  green: '#56d364',
  yellow: '#e3b341',
  blue: '#79c0ff',
  magenta: '#d2a8ff',
  cyan: '#56d4dd',
}
/** Time at the end for which the last picture stays, in ms. */
const rest = 6_000

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
const round = (number) => Number(number.toFixed(2))

/** Returns the classes of a style, such as `green bold`. */
const classOf = ({ colour, weight }) => [colour, weight].filter(Boolean).join(' ')

/** Splits cells into runs of one style, without the spaces around: `{ column, text, className }`. */
function runsOf({ cells, column }) {
  const runs = []
  cells.forEach(({ char, style }, i) => {
    const className = classOf(style)
    const last = runs.at(-1)
    if (last?.className === className) last.text += char
    else runs.push({ column: column + i, text: char, className })
  })
  return runs
    .map((run) => ({ ...run, column: run.column + run.text.search(/\S|$/), text: run.text.trim() }))
    .filter(({ text }) => text !== '')
}

function runText({ column, text, className }, row) {
  const x = round(size.left + column * size.cell)
  const style = className === '' ? '' : ` class="${className}"`
  return `<text x="${x}" y="${size.top + row * size.line}"${style}>${escape(text)}</text>`
}

/** Returns the keyframes by which a piece is shown. Without animation the last picture is what a reader sees. */
function keyframes(name, { from, to }, total) {
  const percent = (ms) => `${round((ms / total) * 100)}%`
  const show = `${percent(from)}{visibility:visible}`
  const end = to === undefined ? '' : `${percent(to)}{visibility:hidden}`
  return `@keyframes ${name}{0%{visibility:hidden}${show}${end}}`
}

/** Returns one `<g>` for all pieces of one time, and the rule that shows it. */
function groupOf(name, pieces, total) {
  const [{ from, to }] = pieces
  const texts = pieces.flatMap((piece) => runsOf(piece).map((run) => runText(run, piece.row))).join('')
  if (texts === '') return { rule: '', group: '' }
  if (from === 0 && to === undefined) return { rule: '', group: `<g>${texts}</g>` }
  const hidden = to === undefined ? '' : 'visibility:hidden;'
  return {
    rule: `${keyframes(name, { from, to }, total)}.${name}{${hidden}animation-name:${name}}`,
    group: `<g class="a ${name}">${texts}</g>`,
  }
}

const styleOf = (total, rules) =>
  [
    `text{font:${size.font}px ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace;fill:#e6edf3;white-space:pre}`,
    '.dim{fill:#8b949e}.bold{font-weight:700}',
    ...Object.entries(palette).map(([name, colour]) => `.${name}{fill:${colour}}`),
    `.a{animation-duration:${round(total / 1000)}s;animation-timing-function:step-end;animation-iteration-count:infinite}`,
    '@media (prefers-reduced-motion:reduce){.a{animation:none}}',
    ...rules,
  ].join('')

/** Returns the pieces by their time. */
function byTime(pieces) {
  const times = new Map()
  for (const piece of pieces) {
    const key = `${piece.from} ${piece.to}`
    times.set(key, [...(times.get(key) ?? []), piece])
  }
  return times
}

/** Returns the SVG of a recording: `pieces` on a screen of `columns`, under `title`. */
export function svgOf(pieces, columns, title) {
  const times = byTime(pieces)
  const total = Math.max(...pieces.map(({ from, to = 0 }) => Math.max(from, to))) + rest
  const parts = [...times.values()].map((list, i) => groupOf(`k${i}`, list, total))
  const width = Math.ceil(size.left * 2 + columns * size.cell)
  const height = size.top + Math.max(...pieces.map(({ row }) => row)) * size.line + 20
  const dots = ['#ff5f57', '#febc2e', '#28c840'].map(
    (colour, i) => `<circle cx="${22 + i * 18}" cy="20" r="5.5" fill="${colour}"/>`,
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${title}">`,
    `<title>${title}</title><style>${styleOf(
      total,
      parts.map(({ rule }) => rule),
    )}</style>`,
    `<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="9" fill="#0d1117" stroke="#30363d"/>${dots.join('')}`,
    ...parts.map(({ group }) => group).filter(Boolean),
    '</svg>\n',
  ].join('\n')
}
