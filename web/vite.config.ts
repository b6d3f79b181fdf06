import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'
import { charts } from './chart/plugin.ts'
import { shortened } from './names/plugin.ts'

/** Returns the absolute path of a file below this folder. */
const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** Classes that the tests in a browser look for. */
const keptNames = [
  'agent-label',
  'approvals-box',
  'approvals-card',
  'markdown-address',
  'statechart-arrow',
  'tool-call',
  'tool-time',
  'turn-facts',
  'turn-main',
  'turn-reasoning',
]

export default defineConfig({
  root: path('.'),
  base: '/',
  // The same in tests: JSX for development names the file of each element.
  // Calls of `h` are shorter than those of the automatic runtime.
  oxc: {
    jsx: { runtime: 'classic', pragma: 'h', pragmaFrag: 'Fragment', development: false },
    jsxInject: "import { h, Fragment } from 'preact'",
  },
  plugins: [charts(), shortened(path('src'), keptNames)],
  build: {
    outDir: path('../dist/gateway/view'),
    emptyOutDir: true,
    target: ['chrome111', 'firefox114', 'safari16.4'],
    // The content security policy allows files of the gateway only, and no code within the page.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    minify: 'terser',
    terserOptions: {
      module: true,
      ecma: 2020,
      compress: {
        passes: 6,
        unsafe_arrows: true,
        unsafe_methods: true,
        pure_getters: true,
        unsafe: true,
        unsafe_comps: true,
        keep_fargs: false,
      },
      // Names of the view's own fields: no field of the wire, none of the messages to the worker, and none of the browser
      // that terser does not know, begins so.
      mangle: { properties: { regex: /^is[A-Z]/ } },
    },
    reportCompressedSize: false,
    license: { fileName: 'LICENSES.md' },
    // The charts take most of the time, as they should.
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
})
