import type { OpenCodeErrorCode } from '../../../src/errors.ts'

/** What a person can do about an error of a server, by the code of the error. */
const advices: Readonly<Record<OpenCodeErrorCode, string>> = {
  ERR_OPENCODE_RUNTIME: 'A defect: report it with the log of the agent and of the gateway.',
  ERR_OPENCODE_INVALID_OPTIONS: "Correct the agent's spec; the message names the option.",
  ERR_OPENCODE_BINARY_NOT_FOUND: 'Install opencode (npm install opencode-ai), or set the option binary.',
  ERR_OPENCODE_PORT_IN_USE: 'End the process that listens on the port, or remove the option port.',
  ERR_OPENCODE_START_TIMEOUT:
    'The log shows what the server did meanwhile. A slow host needs a longer startTimeoutMs.',
  ERR_OPENCODE_SERVER_EXITED: 'The log shows the last lines of the process.',
  ERR_OPENCODE_RESTART_LIMIT:
    'Find the cause in the log, and start the agent again; it then has all its restarts again.',
  ERR_OPENCODE_STOPPED: 'Start the agent when it is needed again.',
  ERR_OPENCODE_HOME_LOCKED:
    "Another host uses the agent's home: stop that host, or give the agent another home.",
  ERR_OPENCODE_UNSUPPORTED_VERSION: 'Update opencode: npm install opencode-ai@latest.',
  ERR_OPENCODE_RECONFIGURE:
    'The last healthy configuration is in use. Correct the new one, and declare it again.',
  ERR_OPENCODE_HOST_FAULT:
    'The message names what the host lacks. The start is tried again within the restart budget.',
  ERR_OPENCODE_SERVER_WEDGED: 'The process is replaced. The log shows what it did before it fell silent.',
  ERR_OPENCODE_SESSION_NOT_FOUND: 'The session was deleted: start the turn without a session.',
  ERR_OPENCODE_REQUEST_CLOSED: 'The request was answered, or its turn has ended.',
  ERR_OPENCODE_UNKNOWN_AGENT: 'The agent was removed.',
}

/** Returns what a person can do about an error; `undefined` for a code that is not known. */
export const adviceFor = (code: string): string | undefined =>
  Object.hasOwn(advices, code) ? advices[code as OpenCodeErrorCode] : undefined
