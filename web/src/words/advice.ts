import type { OpenCodeErrorCode } from '../../../src/errors.ts'

/** Advice about an error of a server, by the code of the error. */
const advices: Readonly<Record<OpenCodeErrorCode, string>> = {
  ERR_OPENCODE_RUNTIME: 'A defect: report it with the logs.',
  ERR_OPENCODE_INVALID_OPTIONS: "Correct the agent's spec.",
  ERR_OPENCODE_BINARY_NOT_FOUND: 'Install opencode: npm install opencode-ai.',
  ERR_OPENCODE_PORT_IN_USE: 'End the process that listens on the port.',
  ERR_OPENCODE_START_TIMEOUT: 'The log shows what the server did. A slow host needs a longer startTimeoutMs.',
  ERR_OPENCODE_SERVER_EXITED: 'The log shows the last lines of the process.',
  ERR_OPENCODE_RESTART_LIMIT: 'Find the cause in the log, and start the agent again.',
  ERR_OPENCODE_STOPPED: 'Start the agent when it is needed again.',
  ERR_OPENCODE_HOME_LOCKED: 'Stop the other host that uses its home.',
  ERR_OPENCODE_UNSUPPORTED_VERSION: 'Update opencode: npm install opencode-ai@latest.',
  ERR_OPENCODE_RECONFIGURE: 'The last healthy configuration is in use. Correct the new one.',
  ERR_OPENCODE_HOST_FAULT: 'The message names what the host lacks.',
  ERR_OPENCODE_SERVER_WEDGED: 'The process is replaced. The log shows what it did before.',
  ERR_OPENCODE_SESSION_NOT_FOUND: 'Start a new session.',
  ERR_OPENCODE_REQUEST_CLOSED: 'No answer is needed any more.',
  ERR_OPENCODE_UNKNOWN_AGENT: 'The agent was removed.',
}

/** Returns what a person can do about an error; `undefined` for a code that is not known. */
export const adviceFor = (code: string): string | undefined =>
  Object.hasOwn(advices, code) ? advices[code as OpenCodeErrorCode] : undefined
