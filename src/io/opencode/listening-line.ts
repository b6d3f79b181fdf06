/**
 * Returns whether a line of a server's output says that the server listens on a port.
 * @remarks Observed in opencode 1.18.33: the server prints the stdout line `… listening on http://…`.
 */
export const isListeningLine = (line: string, port: number): boolean =>
  /\blistening on\b/i.test(line) && new RegExp(`:${port}\\b`).test(line)
