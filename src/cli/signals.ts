/** The signals that end the command. */
export type EndSignal = 'SIGHUP' | 'SIGINT' | 'SIGTERM'

/**
 * A second signal within this time is the first one again: npm passes Ctrl-C on to a child that the terminal has told
 * already.
 */
const sameSignalMs = 300

/**
 * Calls `onFirst` at the first signal that asks for the end, `onSecond` at the next one; a third ends the process at
 * once. Disposing of it gives the signals back.
 */
export function onEndSignals(
  onFirst: (signal: EndSignal) => void,
  onSecond: (signal: EndSignal) => void,
  target: NodeJS.EventEmitter = process,
  now: () => number = Date.now,
): Disposable {
  let times = 0
  let at = 0
  const listener = (signal: EndSignal): void => {
    if (times > 0 && now() - at < sameSignalMs) return
    at = now()
    times++
    if (times === 1) onFirst(signal)
    else if (times === 2) onSecond(signal)
    else process.exit(1)
  }
  const signals: readonly EndSignal[] = ['SIGHUP', 'SIGINT', 'SIGTERM']
  for (const signal of signals) target.on(signal, listener)
  return {
    [Symbol.dispose]: () => {
      for (const signal of signals) target.off(signal, listener)
    },
  }
}
