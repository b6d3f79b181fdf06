// Model that all contenders use, in its own process, so that its CPU time counts for no contender.
import { startScriptedModel } from '../../dist/testing/index.js'
import { serve } from './remote.mjs'

const apiKey = 'sk-bench-0123456789'
const model = await startScriptedModel(
  [{ match: 'go', reply: { text: Array.from({ length: 50 }, (_, i) => `word ${i} `) } }],
  { apiKey },
)
serve({ endpoint: () => ({ baseURL: model.baseURL, apiKey }), stop: () => model.stop() })
