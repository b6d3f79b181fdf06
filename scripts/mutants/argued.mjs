// Mutants that no test can notice, with the reason: mutants of a file, or of a folder, whose names match.

/**
 * Reason for code that only tells TypeScript what the machine's configuration says: an action or guard of one
 * event checks the event's type.
 */
const typed = 'no other event reaches this code'
const machines = 'src/machines/'
const always = 'the value always exists, but TypeScript does not know it'

export const argued = [
  { file: machines, names: /event\.type !== '[\w.]+' → false$/, why: typed },
  // `releaseChild` is excluded: it handles several events, and its check decides whether `turn.ended` or the
  // child's own end releases the child.
  { file: machines, names: /^(?!.* › releaseChild › ).*event\.type === '[\w.]+' → true$/, why: typed },
  { file: machines, names: /event\.type === '[\w.]+' && (.+) → \(\1\)$/, why: typed },
  { file: 'machines/failures.ts', names: /^unsupported › error › version \?\?/, why: always },
  { file: 'machines/failures.ts', names: /^spent › .* \|\| !error → .*$/, why: always },
  {
    file: 'context.ts',
    names: /^isWanted › .* → wanted \|\| leases\.length > 0 \|\| waiting\.length > 0$/,
    why: 'turns run only on a healthy server, for which isWanted is not called',
  },
  {
    file: 'machines/actions.ts',
    names: /noteStop › drainMs › (event\.drainMs \?\? 0 → event\.drainMs|0 → 1)$/,
    why: 'the value is read only while draining, and is then a number from the event',
  },
  {
    file: 'setup.ts',
    names: /canDrain › event\.drainMs \?\? 0 → event\.drainMs$/,
    why: 'undefined is not greater than 0 either',
  },
  {
    file: 'turn-events.ts',
    names: /^#onDelta › typeof messageID .* → \(typeof partID !== 'string'\)$/,
    why: 'every known message has a text as its id',
  },
  {
    file: 'turn-events.ts',
    names: /^#onDelta › typeof messageID .* → typeof messageID !== 'string'$/,
    why: 'every known part has a text as its id',
  },
  {
    file: 'reducer.ts',
    names: /^#terminalReply › finish_reason › ending\.finish \?\? null → ending\.finish$/,
    why: always,
  },
  {
    file: 'turn-scope.ts',
    names: /^isAnswer › .* → \(this\.#prompts\.has\(parentId\)\)$/,
    why: 'no id of a prompt is undefined',
  },
  {
    file: 'turn-events.ts',
    names: /^#onRetry › isOwn && last && !last\.completed → isOwn && last$/,
    why: 'a completed message gets no further part, and only a further part would drop the earlier text',
  },
  {
    file: 'turn-events.ts',
    names: /^#onDelta › field === 'text' && message && !message\.summary → field === 'text' && message$/,
    why: 'the transcript knows no part of a summary, so the delta joins nothing',
  },
  {
    file: 'turn-events.ts',
    names: /^#onRetry › isOwn && !this\.#scope\.hasPrompt → \(!this/,
    why: 'a turn has no child session before it has its prompt',
  },
  {
    file: 'turn-events.ts',
    names: /^#onError › this\.#busy && this\.#idle → \(this\.#idle\)$/,
    why: 'a turn is idle only after it was busy',
  },
  {
    file: 'turn-scope.ts',
    names: /^includes › .* → \(this\.#children\.has\(sessionId\)\)$/,
    why: 'no id of a child session is undefined',
  },
  {
    file: 'machines/failures.ts',
    names: /^versionCaution › range › .* → true$/,
    why: 'only one version is tested at present, so both ends of the range are equal',
  },
  {
    file: 'seen-ids.ts',
    names: /^isRepeated › id > this\.#latest → false$/,
    why: 'every id is then searched, which is slower but equivalent',
  },
  {
    file: 'transcript.ts',
    names: /^#open › state › without (isRetried|isDropped): false$/,
    why: 'undefined is as good as false',
  },
  {
    file: 'resync.ts',
    names: /^requestEvents › type › 'permission' in properties → (true|false)$/,
    why: 'the reducer handles both event types alike',
  },
  {
    file: 'server-machine.ts',
    names:
      /^serverMachine › .* › healthCheck › states › checking › invoke › input › without withConfig: false$/,
    why: 'undefined is as good as false',
  },
  {
    file: 'machines/turn-actions.ts',
    names: /releaseChild › !actorId\.startsWith\('turn:'\) → false$/,
    why: 'a child with another name is not a turn, and has already ended',
  },
  {
    file: 'turn-events.ts',
    names: /^#idle › false → true$/,
    why: '#idle is read only while the turn is busy, and each change to busy sets #idle',
  },
  {
    file: 'fleet/schedule.ts',
    names:
      /^#tryStart › !agent \|\| .* → \(this|^#makeRoom › shortage › agent && .* → \(this|^#setGroup › agent → true$/,
    why: 'every entry of the queue, and every place, belongs to an agent that the fleet knows',
  },
  {
    file: 'fleet/schedule.ts',
    names: /^#tryStart › without residentMb: undefined$/,
    why: 'an agent without a place has no measured memory',
  },
  {
    file: 'fleet/schedule.ts',
    names: /^#makeRoom › (without freed \+= |freed \+= .* → freed -= |Math\.max\(.* → min$)/,
    why: 'places are counted only if the next start lacks one, and then none is free',
  },
  {
    file: 'fleet/schedule.ts',
    names: /^#busy › running\(agent\) > 0 (&& .* → \(!this|→ running\(agent\) >= 0$)/,
    why: 'an idle server that may give its place is evicted before',
  },
  {
    file: 'fleet/decisions.ts',
    names: /^onCalls › agents › used\.agents\.get\(agentId\) \?\? agent → used/,
    why: always,
  },
  {
    file: 'fleet/decisions.ts',
    names: /^putAgents › agent\.stage !== 'cold' → true$/,
    why: 'a cold agent has no entries, so the queue stays as it is',
  },
  {
    file: 'fair-queue/order.ts',
    names: /^least › byChoice\(b, a\) < 0 → byChoice\(b, a\) <= 0$/,
    why: 'two choices are never equal, because each entry has a number of its own',
  },
  { file: 'fair-queue/order.ts', names: /^choiceOfTenant › offer › tenant && .* → \(bestOf/, why: always },
]

/**
 * Returns whether a mutant is argued, so that no test needs to notice it.
 * @param {{ file: string, name: string }} mutant
 */
export const isArgued = ({ file, name }) =>
  argued.some((entry) => file.includes(entry.file) && entry.names.test(name))
