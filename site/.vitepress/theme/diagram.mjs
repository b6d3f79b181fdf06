import { useData } from 'vitepress'
import { defineComponent, h, onMounted, ref, watch } from 'vue'

let count = 0

/** Draws a diagram. Mermaid is loaded with the first one, from the site itself. */
async function draw(code, isDark) {
  const { default: mermaid } = await import('mermaid')
  mermaid.initialize({
    startOnLoad: false,
    theme: isDark ? 'dark' : 'neutral',
    fontFamily: 'var(--vp-font-family-base)',
    themeVariables: isDark ? {} : { noteBkgColor: '#f6f6f7', noteTextColor: '#3c3c43' },
    sequence: { mirrorActors: false },
  })
  const { svg } = await mermaid.render(`diagram-${count++}`, code)
  return svg
}

/** Returns the width that a drawing has of itself, in CSS units. */
const widthOf = (svg) => /max-width: ([\d.]+px)/.exec(svg)?.[1] ?? '100%'

/** Picture of a diagram, which a click enlarges; its text until mermaid is loaded, and where no script runs. */
export const Diagram = defineComponent({
  props: { code: { type: String, required: true } },
  setup(props) {
    const { isDark } = useData()
    const [svg, dialog] = [ref(''), ref()]
    const code = decodeURIComponent(props.code)
    const redraw = async () => void (svg.value = await draw(code, isDark.value))
    onMounted(redraw)
    watch(isDark, redraw)
    const drawing = (tag, attributes) => h(tag, { class: 'diagram', innerHTML: svg.value, ...attributes })
    return () => {
      if (svg.value === '') return h('pre', { class: 'diagram' }, h('code', code))
      return h('div', [
        drawing('button', { 'aria-label': 'Diagram: enlarge', onClick: () => dialog.value.showModal() }),
        drawing('dialog', {
          ref: dialog,
          style: `--own-width: ${widthOf(svg.value)}`,
          onClick: () => dialog.value.close(),
        }),
      ])
    }
  },
})
