import { lifecycle } from './lifecycle.ts'
import { service } from './service.ts'
import { stream } from './stream.ts'
import { warmth } from './warmth.ts'
import { watch } from './watch.ts'

/** Four things side by side: the watch over its health, its event stream, its warmth, and its service to turns. */
export const healthy = lifecycle.createStateConfig({
  description: 'turns run; the event stream is up; health is asked now and then',
  entry: 'beHealthy',
  on: { 'process.exited': { target: 'reaping', actions: 'noteExit' } },
  type: 'parallel',
  states: { watch, stream, warmth, service },
})
