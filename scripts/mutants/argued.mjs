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
  { file: machines, names: /event\.type !== '[\w.]+' \|\| (.+) → \(\1\)$/, why: typed },
  { file: machines, names: /event\.type === '[\w.]+' && (.+) → \(\1\)$/, why: typed },
  { file: 'machines/failures.ts', names: /^unsupported › error › version \?\?/, why: always },
  { file: 'machines/failures.ts', names: /^spent › .* \|\| !error → .*$/, why: always },
  {
    file: 'context.ts',
    names: /^isWanted › .* → wanted \|\| leases\.length > 0 \|\| waiting\.length > 0$/,
    why: 'turns run only on a healthy server, for which isWanted is not called',
  },
  { file: 'context.ts', names: /^silentMs › .* → runtimeOf\(runtime\)\.link\?\.hub\.silentMs$/, why: always },
  {
    file: 'machines/actions.ts',
    names: /^machineSetup › actions › noteMemory › 0 → 1$/,
    why: 'no memory limit is below a megabyte',
  },
  {
    file: 'machines/actions.ts',
    names: /unwant › drainMs › (event\.drainMs \?\? 0 → event\.drainMs|0 → 1)$/,
    why: 'the value is read only while draining, and is then a number from the event',
  },
  {
    file: 'setup.ts',
    names: /streamPatience › 0 → 1$/,
    why: 'a timer of less than 1 ms waits for 1 ms',
  },
  {
    file: 'setup.ts',
    names: /canDrain › event\.drainMs \?\? 0 → event\.drainMs$/,
    why: 'undefined is not greater than 0 either',
  },
  {
    file: 'reducer.ts',
    names: /^#onDelta › typeof messageID .* → \(typeof partID !== 'string'\)$/,
    why: 'no message has an id that is not a string',
  },
  {
    file: 'reducer.ts',
    names: /^#onDelta › typeof messageID .* → typeof messageID !== 'string'$/,
    why: 'no part has an id that is not a string',
  },
  {
    file: 'reducer.ts',
    names: /^#finish › finish_reason › finish_reason \?\? null → finish_reason$/,
    why: always,
  },
  {
    file: 'reducer.ts',
    names: /^#onMessage › isAnswer › isOwn && message\.parentId !== undefined → isOwn$/,
    why: 'no prompt has the id undefined',
  },
  {
    file: 'reducer.ts',
    names: /^#onRetry › isOwn && last && !last\.completed → isOwn && last$/,
    why: 'a completed message gets no later part that would drop earlier parts',
  },
  {
    file: 'reducer.ts',
    names: /^#onDelta › field === 'text' && message && !message\.summary → field === 'text' && message$/,
    why: 'parts of summaries are not tracked, so their deltas are ignored anyway',
  },
  {
    file: 'reducer.ts',
    names: /^#onRetry › isOwn && this\.#prompts\.size === 0 → \(this/,
    why: 'no child of a turn exists before its prompt',
  },
  {
    file: 'reducer.ts',
    names: /^#onError › this\.#busy && this\.#idle → \(this\.#idle\)$/,
    why: 'an idle turn was busy before',
  },
  {
    file: 'reducer.ts',
    names: /^#apply › .* → \(!this\.#children\.has\(sessionId\)\)$/,
    why: 'no child has the id undefined',
  },
  {
    file: 'reducer.ts',
    names: /^#onMessage › isAnswer › isOwn && message\.parentId !== undefined → \(message/,
    why: 'a message of a child answers a prompt of the child',
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
    names: /^#open › state › without (doomed|dropped): false$/,
    why: 'undefined has the same effect as false',
  },
  {
    file: 'catch-up.ts',
    names: /^requestEvents › type › 'permission' in properties → (true|false)$/,
    why: 'the reducer handles both in the same way',
  },
  {
    file: 'server-machine.ts',
    names: /^serverMachine › .* › watch › states › asking › invoke › input › without withConfig: false$/,
    why: 'undefined has the same effect as false',
  },
  {
    file: 'machines/turn-actions.ts',
    names: /^withTurns › actions › releaseChild › \{ actorId, error \} › without error: undefined$/,
    why: 'a missing value is undefined too',
  },
  {
    file: 'machines/turn-actions.ts',
    names: /releaseChild › !actorId\.startsWith\('turn:'\) → false$/,
    why: 'a child with another name is not a turn, and has already ended',
  },
  {
    file: 'reducer.ts',
    names: /^#idle › false → true$/,
    why: '#idle is set when a turn becomes busy, and is read only for busy turns',
  },
]

/**
 * Returns whether a mutant is argued, so that no test needs to notice it.
 * @param {{ file: string, name: string }} mutant
 */
export const isArgued = ({ file, name }) =>
  argued.some((entry) => file.includes(entry.file) && entry.names.test(name))
