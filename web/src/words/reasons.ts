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

/**
 * Kind of a reason: a wish or the plan, a fault, a remark on a state that is not its cause, or something that the
 * server waits for.
 */
type Kind = 'plan' | 'fault' | 'note' | 'wait'

/**
 * Every reason that the machines give, by kind: its pattern, and words after `because`, or a sentence for a remark and
 * for a wait. `$1` stands for a part of the reason. A test compares this list with their code.
 */
const causes: Readonly<Record<Kind, readonly (readonly [pattern: string, words: string])[]>> = {
  plan: [
    ['stopped', 'a stop was requested'],
    ['idle', 'no turn used it for the idle time'],
    ['reconfigured', 'its configuration was changed'],
    ['start cancelled \\(no callers left\\)', 'no caller needs the start any more'],
    ['evicted: another agent needs the place', 'another agent needs its place'],
    ['evicted: memory is short', 'the memory budget of the fleet is short'],
  ],
  fault: [
    ['exited', 'its process ended by itself'],
    ['wedged', 'its process runs but no longer answers'],
    ['start timed out', 'it was not healthy within the start time limit'],
    ['preparation failed', 'the start could not be prepared'],
    ['unsupported version', 'its version of opencode is too old'],
    ['probe failed \\(internal error\\)', 'a defect kept the health probe from running'],
    ['restart budget spent', 'it failed too often in a short time'],
    ['memory limit: (.+) used, (.+) allowed', 'it uses $1 of memory, and $2 are allowed'],
    ['rolled back', 'it was not healthy with the new configuration; the last healthy one is used again'],
    ['the record cannot be used', 'its record on the disk cannot be used'],
  ],
  note: [
    [
      'reaped orphaned server \\((pid \\d+)\\) of an earlier host',
      'a server ($1) that an earlier host had left was ended first',
    ],
    ['untested version: (opencode .+), tested: (.+)', '$1 was not tested with this package (tested: $2)'],
    ['health unknown: (.+)', 'its health cannot be checked at present: $1'],
  ],
  wait: [['waiting for (a place|other starts|memory): (.+) \\(limits\\.\\w+\\)', 'Waits for $1: $2']],
}

/** Sentences of the states, without a cause. */
export const stateWords: Readonly<Record<LifecycleState, string>> = {
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
  ...stateWords,
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
  const { words, kind } = causeOf(reason)
  // These states keep the reason of the restart that they belong to.
  if (kind !== 'note' && (state === 'spawning' || state === 'probing'))
    return { title: stateWords[state], isFault: false }
  const title = isRestart ? 'Restarts' : withCause[state]
  if (kind === 'wait') return { title: words, isFault: false }
  if (kind === 'note') return { title: `${isRestart ? title : stateWords[state]}; ${words}`, isFault: false }
  const isEnd = state !== 'configuring' && state !== 'healthy'
  return { title: `${title}, because ${words}`, isFault: (kind === 'fault' && isEnd) || state === 'failed' }
}

/** Returns the sentence of a state that has no reason. */
function begun({ state }: Change, before: Change | undefined): string {
  if (state === 'configuring' && (before === undefined || before.state === 'idle'))
    return `${stateWords.configuring}, because a turn or a caller needs it`
  return stateWords[state]
}

/** Returns a reason in words; a reason that is not known says itself. */
function causeOf(reason: string): { words: string; kind: Kind } {
  for (const [kind, list] of Object.entries(causes))
    for (const [pattern, words] of list) {
      const whole = new RegExp(`^${pattern}$`, 's')
      if (whole.test(reason)) return { words: reason.replace(whole, words), kind: kind as Kind }
    }
  return { words: reason, kind: 'plan' }
}

/** Returns whether a reason is one of those that the machines give. */
export const isKnownReason = (reason: string): boolean => causeOf(reason).words !== reason
