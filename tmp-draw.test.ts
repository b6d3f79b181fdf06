import { writeFileSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { it } from 'vitest'
import { drawCharts } from './web/chart/charts.ts'
import { linePath, headPath } from './web/src/parts/statechart/path.ts'
import { linesOf, heightOf, widthOf } from './web/src/parts/statechart/label-lines.ts'
it('x', () => {
  const css = readFileSync('web/src/parts/statechart/statechart.css', 'utf8')
  const tokens = `:root{--color-bg:#f6f7f9;--color-surface:#fff;--color-sunken:#eef0f3;--color-border:#dfe3e8;--color-border-strong:#8b95a3;--color-text:#1c2430;--color-muted:#586273;--color-accent:#2f6fed;--state-ok-bg:#e3f6e9;--state-ok-line:#1f9d55;--state-ok-fg:#0d6b36;--font-sans:system-ui,sans-serif;--font-mono:ui-monospace,monospace} body{background:var(--color-bg);margin:20px} svg{margin-bottom:60px;background:#fff}`
  let html = `<meta charset=utf8><style>${tokens}${css}</style>`
  for (const [name, c] of Object.entries((({server,insides,fleet})=>({server,...insides,fleet}))(drawCharts()))) {
    console.log(name, c.width, c.height, JSON.stringify(c).length, gzipSync(JSON.stringify(c)).length)
    html += `<div id=${name}><svg class=statechart width=${c.width+12} viewBox="-6 -6 ${c.width+12} ${c.height+12}">`
    for (const s of c.states) { const f = s.kind!=='plain'&&s.kind!=='final'; html += `<g class="statechart-state statechart-${s.kind}" data-state="${s.id}" ${s.id==='healthy'?'aria-current=true':''}><rect class=statechart-box x=${s.x} y=${s.y} width=${s.width} height=${s.height} rx=${f?10:7} /><text class=statechart-name x=${f?s.x+14:s.x+s.width/2} y=${f?s.y+20:s.y+s.height/2+4.5} text-anchor=${f?'start':'middle'}>${s.name}</text></g>` }
    for (const d of c.dots) html += `<circle class="statechart-dot statechart-dot-${d.kind}" cx=${d.x} cy=${d.y} r=4 />`
    for (const e of c.exits) html+=`<text class=statechart-exit x=${e.x} y=${e.y+4} text-anchor=middle>→ ${e.to}</text>`
    for (const a of c.arrows) html += `<g class=statechart-arrow><path class=statechart-line d="${linePath(a.points)}"/><path class=statechart-head d="${headPath(a.points)}"/></g>`
    for (const a of c.arrows) { const L=linesOf(a.labels), y0=a.y-heightOf(L)/2; html += L.map(l=>`<rect class=statechart-paper x=${a.x-widthOf(l)/2-2} y=${y0+l.top} width=${widthOf(l)+4} height=14 />`).join('')+`<text class=statechart-label text-anchor=middle>${L.map((l)=>`<tspan x=${a.x} y=${y0+10.5+l.top}>${l.pieces.map((q,i)=>`<tspan class=statechart-${q.kind}>${i?' ':''}${q.text}</tspan>`).join('')}</tspan>`).join('')}</text>` }
    html += '</svg></div>'
  }
  writeFileSync('/tmp/v2-dagre/charts.html', html)
})
