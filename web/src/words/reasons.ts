import type { Lifecycle, LifecycleState } from '../api/types.ts'

/** Change of an agent's server in words. */
export interface Explanation {
  /** One sentence without a full stop. */
  title: string
  /** True if the cause is a fault, and not a wish or the plan. */
  isFault: boolean
}

/** Part of a lifecycle that its words depend on. */
type Change = Pick<Lifecycle, 'state' | 'reason' | 'restarts'>

/** Reason of a lifecycle in words. */
interface Cause {
  pattern: RegExp
  /** Words after `because`, or a sentence if `isNote` or `isWait` is set; `$1` stands for a part of the reason. */
  words: string
  isFault?: true
  /** True if the reason is a remark on a state, and not its cause. */
  isNote?: true
  /** True if the server waits for what the reason names. */
  isWait?: true
}

/** Every reason that the machines give. A test compares this list with their code. */
const causes: readonly Cause[] = [
  { pattern: /^stopped$/, words: 'a stop was requested' },
  { pattern: /^idle$/, words: 'no turn used it for the idle time' },
  { pattern: /^exited$/, words: 'its process ended by itself', isFault: true },
  { pattern: /^wedged$/, words: 'its process runs but no longer answers', isFault: true },
  { pattern: /^start timed out$/, words: 'it was not healthy within the start time limit', isFault: true },
  { pattern: /^preparation failed$/, words: 'the start could not be prepared', isFault: true },
  { pattern: /^unsupported version$/, words: 'its version of opencode is too old', isFault: true },
  {
    pattern: /^probe failed \(internal error\)$/,
    words: 'a defect of opencode-runtime kept the health probe from running',
    isFault: true,
  },
  {
    pattern: /^restart budget spent$/,
    words: 'it failed too often in a short time, so that no restart is left',
    isFault: true,
  },
  {
    pattern: /^memory limit: (.+) used, (.+) allowed$/,
    words: 'it uses $1 of memory, and $2 are allowed',
    isFault: true,
  },
  {
    pattern: /^rolled back$/,
    words: 'it was not healthy with the new configuration; the last healthy configuration is used again',
    isFault: true,
  },
  { pattern: /^reconfigured$/, words: 'its configuration was changed' },
  { pattern: /^start cancelled \(no callers left\)$/, words: 'no caller needs the start any more' },
  { pattern: /^evicted: another agent needs the place$/, words: 'another agent needs its place' },
  { pattern: /^evicted: memory is short$/, words: 'the memory budget of the fleet is short' },
  { pattern: /^the record cannot be used$/, words: 'its record on the disk cannot be used', isFault: true },
  {
    pattern: /^reaped orphaned server \((pid \d+)\) of an earlier host$/,
    words: 'a server ($1) that an earlier host had left was ended first',
    isNote: true,
  },
  {
    pattern: /^untested version: (opencode .+), tested: (.+)$/,
    words: '$1 was not tested with this package (tested: $2)',
    isNote: true,
  },
  { pattern: /^health unknown: (.+)$/s, words: 'its health cannot be checked at present: $1', isNote: true },
  {
    pattern: /^waiting for a place: (.+) \(limits\.\w+\)$/,
    words: 'Waits for a place: $1',
    isWait: true,
  },
  {
    pattern: /^waiting for other starts: (.+) \(limits\.\w+\)$/,
    words: 'Waits for other starts: $1',
    isWait: true,
  },
  { pattern: /^waiting for memory: (.+) \(limits\.\w+\)$/, words: 'Waits for memory: $1', isWait: true },
]

/** Sentences of the states, without a cause. */
const states: Readonly<Record<LifecycleState, string>> = {
  idle: 'No process runs; the next turn starts one',
  configuring: 'Prepares a start',
  spawning: 'Starts the process',
  probing: 'The process runs; waits until it answers',
  healthy: 'Ready for turns',
  reaping: 'Ends the process and all that it started',
  failed: 'Gave up; no process runs',
}

/** Beginnings of sentences that go on with the cause. */
const withCause: Readonly<Record<LifecycleState, string>> = {
  ...states,
  idle: 'No process runs',
  reaping: 'Ends the server',
  failed: 'Gave up',
}

/**
 * Returns a change of an agent's server in one sentence.
 *
 * @param change - the new lifecycle
 * @param before - the lifecycle before, if known
 */
export function explain(change: Change, before?: Change): Explanation {
  const { state, reason } = change
  const isRestart = state === 'configuring' && before !== undefined && change.restarts > before.restarts
  if (reason === undefined || reason === '')
    return { title: isRestart ? 'Restarts' : begun(change, before), isFault: state === 'failed' }
  const { words, isNote, isWait, isFault } = causeOf(reason)
  // These states keep the reason of the restart that they belong to.
  if (!isNote && (state === 'spawning' || state === 'probing'))
    return { title: states[state], isFault: false }
  const title = isRestart ? 'Restarts' : withCause[state]
  if (isWait) return { title: words, isFault: false }
  if (isNote) return { title: `${isRestart ? title : states[state]}; ${words}`, isFault: false }
  const isEnd = state !== 'configuring' && state !== 'healthy'
  return { title: `${title}, because ${words}`, isFault: (isFault && isEnd) || state === 'failed' }
}

/** Returns the sentence of a state that has no reason. */
function begun({ state }: Change, before: Change | undefined): string {
  if (state === 'configuring' && (before === undefined || before.state === 'idle'))
    return `${states.configuring}, because a turn or a caller needs it`
  return states[state]
}

/** Returns a reason in words; a reason that is not known says itself. */
function causeOf(reason: string): { words: string; isNote: boolean; isWait: boolean; isFault: boolean } {
  for (const { pattern, words, isNote = false, isWait = false, isFault = false } of causes) {
    const match = pattern.exec(reason)
    if (match)
      return {
        words: words.replace(/\$(\d)/g, (_, i: string) => match[Number(i)] ?? ''),
        isNote,
        isWait,
        isFault,
      }
  }
  return { words: reason, isNote: false, isWait: false, isFault: false }
}

/** Returns whether a reason is one of those that the machines give. */
export const isKnownReason = (reason: string): boolean => causes.some(({ pattern }) => pattern.test(reason))
