/** Name of the log of a server; `serve.log.1` and `serve.log.2` are the logs before. */
export const logFile = 'serve.log'
