/**
 * Returns the substates of a probe in flight. The probe fails at its time limit, but the pending input of the sockets is
 * read first, because the input may contain the answer. If the host itself was paused (its timer fires late), the time
 * limit applies once more, because the host then knows nothing of the server.
 *
 * @param onTimeout - the state that counts the failure
 */
export const awaitingAnswer = <Target extends `#server.${string}`>(onTimeout: Target) => {
  const timedOut = {
    target: onTimeout,
    actions: { type: 'noteProbeError', params: { error: 'the probe timed out' } },
  } as const
  return {
    initial: 'waiting',
    states: {
      waiting: { after: { probeTimeout: 'overdue' } },
      overdue: {
        entry: 'noteTime',
        invoke: {
          src: 'inputRead',
          onDone: [{ guard: 'wasHostPaused', target: 'waitingAgain' }, timedOut],
          onError: timedOut,
        },
      },
      waitingAgain: { after: { probeTimeout: 'overdueAgain' } },
      overdueAgain: { invoke: { src: 'inputRead', onDone: timedOut, onError: timedOut } },
    },
  } as const
}
