// Mutants that no test can notice, with the reason: mutants of a file, or of a folder, whose names match.

/**
 * Reason for code that only tells TypeScript what the machine's configuration says: an action or guard of one
 * event checks the event's type.
 */
const typed = 'no other event gets there'
const machines = 'src/machines/'
const always = 'it is always there; TypeScript does not know it'

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
    why: 'turns run only on a healthy server, and that is not asked whether it is wanted',
  },
  {
    file: 'machines/actions.ts',
    names: /^machineSetup › actions › noteMemory › 0 → 1$/,
    why: 'no server is held to less than a megabyte',
  },
  {
    file: 'machines/actions.ts',
    names: /unwant › drainMs › (event\.drainMs \?\? 0 → event\.drainMs|0 → 1)$/,
    why: 'read only where it drains: it is a number then, and was said',
  },
  {
    file: 'setup.ts',
    names: /canDrain › event\.drainMs \?\? 0 → event\.drainMs$/,
    why: 'undefined is not more than 0 either',
  },
  {
    file: 'reducer.ts',
    names: /^#onDelta › typeof messageID .* → \(typeof partID !== 'string'\)$/,
    why: 'no message has what is no text as its id',
  },
  {
    file: 'reducer.ts',
    names: /^#onDelta › typeof messageID .* → typeof messageID !== 'string'$/,
    why: 'no part has what is no text as its id',
  },
  {
    file: 'reducer.ts',
    names: /^#finish › finish_reason › finish_reason \?\? null → finish_reason$/,
    why: always,
  },
  {
    file: 'reducer.ts',
    names: /^#onMessage › isAnswer › isOwn && message\.parentId !== undefined → isOwn$/,
    why: 'no prompt is undefined',
  },
  {
    file: 'reducer.ts',
    names: /^#onRetry › isOwn && last && !last\.completed → isOwn && last$/,
    why: 'a message that has ended gets no part any more that would drop those before',
  },
  {
    file: 'reducer.ts',
    names: /^#onDelta › field === 'text' && message && !message\.summary → field === 'text' && message$/,
    why: 'no part of a summary is followed, so that a delta of one joins nothing',
  },
  {
    file: 'reducer.ts',
    names: /^#onRetry › isOwn && this\.#prompts\.size === 0 → \(this/,
    why: 'no child of a turn is there before its prompt',
  },
  {
    file: 'reducer.ts',
    names: /^#onError › this\.#busy && this\.#idle → \(this\.#idle\)$/,
    why: 'what is idle was busy before',
  },
  {
    file: 'reducer.ts',
    names: /^#apply › .* → \(!this\.#children\.has\(sessionId\)\)$/,
    why: 'no child is undefined',
  },
  {
    file: 'reducer.ts',
    names: /^#onMessage › isAnswer › isOwn && message\.parentId !== undefined → \(message/,
    why: 'what answers in a child answers a prompt of the child',
  },
  {
    file: 'machines/failures.ts',
    names: /^versionCaution › range › .* → true$/,
    why: 'one version is tested at present: both ends of the range are the same',
  },
  {
    file: 'seen-ids.ts',
    names: /^isRepeated › id > this\.#latest → false$/,
    why: 'then each is looked for: slower, and nothing else',
  },
  {
    file: 'transcript.ts',
    names: /^#open › state › without (doomed|dropped): false$/,
    why: 'undefined is as good as false',
  },
  {
    file: 'catch-up.ts',
    names: /^requestEvents › type › 'permission' in properties → (true|false)$/,
    why: 'the reducer asks both alike',
  },
  {
    file: 'server-machine.ts',
    names:
      /^serverMachine › .* › healthCheck › states › asking › invoke › input › without withConfig: false$/,
    why: 'undefined is as good as false',
  },
  {
    file: 'machines/turn-actions.ts',
    names: /^withTurns › actions › releaseChild › \{ actorId, error \} › without error: undefined$/,
    why: 'undefined, said or not',
  },
  {
    file: 'machines/turn-actions.ts',
    names: /releaseChild › !actorId\.startsWith\('turn:'\) → false$/,
    why: 'what has another name is no turn that could be released, and has ended already',
  },
  {
    file: 'reducer.ts',
    names: /^#idle › false → true$/,
    why: '#idle is set by whatever makes a turn busy, and read of busy turns only',
  },
]

/**
 * Returns whether a mutant is argued, so that no test needs to notice it.
 * @param {{ file: string, name: string }} mutant
 */
export const isArgued = ({ file, name }) =>
  argued.some((entry) => file.includes(entry.file) && entry.names.test(name))
