/** Terminal of a person who answers one request. */
export interface Form {
  /** Shows a line of the agent's request; the caller makes its texts visible. */
  show: (line: string) => void
  /**
   * Asks for a line.
   * @throws NoLineError if the request is closed meanwhile, or stdin has ended
   */
  ask: (prompt: string) => Promise<string>
}

/** Asks until the answer is valid. `read` returns `undefined` for an invalid line, after which `hint` is shown. */
export async function askUntilValid<T>(
  form: Form,
  prompt: string,
  hint: string,
  read: (line: string) => T | undefined,
): Promise<T> {
  for (;;) {
    const answer = read((await form.ask(prompt)).trim())
    if (answer !== undefined) return answer
    form.show(hint)
  }
}
