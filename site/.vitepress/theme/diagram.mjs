import { useData } from 'vitepress'
import { defineComponent, h, onMounted, ref, watch } from 'vue'

let count = 0

/** Draws a diagram of mermaid, which is loaded with the first one, from the site itself. */
async function draw(code, isDark) {
  const { default: mermaid } = await import('mermaid')
  mermaid.initialize({
    startOnLoad: false,
    theme: isDark ? 'dark' : 'default',
    fontFamily: 'var(--vp-font-family-base)',
    // At its own size: a wide diagram scrolls, it does not shrink until nobody can read it.
    state: { useMaxWidth: false },
    sequence: { useMaxWidth: false },
  })
  const { svg } = await mermaid.render(`diagram-${count++}`, code)
  return svg
}

/** Picture of a diagram; its text until mermaid is loaded, and where no script runs. */
export const Diagram = defineComponent({
  props: { code: { type: String, required: true } },
  setup(props) {
    const { isDark } = useData()
    const svg = ref('')
    const code = decodeURIComponent(props.code)
    const redraw = async () => void (svg.value = await draw(code, isDark.value))
    onMounted(redraw)
    watch(isDark, redraw)
    return () =>
      svg.value
        ? h('div', {
            class: 'diagram',
            role: 'img',
            'aria-label': 'Diagram',
            tabindex: 0,
            innerHTML: svg.value,
          })
        : h('pre', { class: 'diagram' }, h('code', code))
  },
})
