// Model that all contenders use, in its own process, so that its CPU time counts for no contender.
import { startScriptedModel } from '../../dist/testing/index.js'
import { serve } from './remote.mjs'

const apiKey = 'sk-bench-0123456789'
const words = (count) => Array.from({ length: count }, (_, i) => `word ${i} `)
const model = await startScriptedModel(
  [
    { match: 'go', reply: { text: words(50) } },
    { match: 'short', reply: { text: words(60), chunkDelayMs: 3 } },
  ],
  { apiKey },
)
serve({ endpoint: () => ({ baseURL: model.baseURL, apiKey }), stop: () => model.stop() })
