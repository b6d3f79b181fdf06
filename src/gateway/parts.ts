import type { PartMaker } from './part.ts'
import { agentsPart } from './routes/agents.ts'
import { clusterPart } from './routes/cluster.ts'
import { documentPart } from './routes/document.ts'
import { healthPart } from './routes/health.ts'
import { logPart } from './routes/log.ts'
import { loginPart } from './routes/login.ts'
import { metricsPart } from './routes/metrics.ts'
import { sessionsPart } from './routes/sessions.ts'
import { usagePart } from './routes/usage.ts'
import { viewPart } from './routes/view.ts'
import { turnsPart } from './turns/turns-part.ts'

/** Parts of a gateway, in the order of the OpenAPI document. */
export const parts: readonly PartMaker[] = [
  agentsPart,
  clusterPart,
  turnsPart,
  sessionsPart,
  logPart,
  usagePart,
  loginPart,
  healthPart,
  metricsPart,
  documentPart,
  () => viewPart(),
]
