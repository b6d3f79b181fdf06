/** Prompt of a turn that this tab started. The gateway does not keep prompts. */
export interface KeptPrompt {
  text: string
  files: readonly { filename: string; size: number }[]
}

const prefix = 'prompt:'

/** Longest text that is kept. The storage of a tab holds about 5 MB. */
const longest = 100_000

/** Keeps the prompt of a turn for its page, as long as the tab is open. */
export function keepPrompt(turnId: string, { text, files }: KeptPrompt): void {
  const prompt = {
    text: text.slice(0, longest),
    files: files.map(({ filename, size }) => ({ filename, size })),
  }
  try {
    sessionStorage.setItem(prefix + turnId, JSON.stringify(prompt))
  } catch {
    // The storage is full, or not allowed: the page shows no prompt then.
  }
}

/** Returns the prompt of a turn that this tab started. */
export function keptPrompt(turnId: string): KeptPrompt | undefined {
  try {
    const kept = sessionStorage.getItem(prefix + turnId)
    return kept === null ? undefined : (JSON.parse(kept) as KeptPrompt)
  } catch {
    return undefined
  }
}
