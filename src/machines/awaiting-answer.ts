/**
 * Returns the substates of a probe on its way: it fails at its time limit (`judged`, the state that counts the failure),
 * after what waits on the sockets has been read, since the answer may be in it. If the host itself stood still meanwhile
 * (its timer comes late), nothing is known of the server, and the probe gets its time once more.
 */
export const awaitingAnswer = <Judged extends `#server.${string}`>(judged: Judged) => {
  const timedOut = {
    target: judged,
    actions: { type: 'noteProbeError', params: { error: 'the probe got no answer in time' } },
  } as const
  return {
    initial: 'waiting',
    states: {
      waiting: { after: { probeTimeout: 'overdue' } },
      overdue: {
        entry: 'noteTime',
        invoke: {
          src: 'inputRead',
          onDone: [{ guard: 'stoodStill', target: 'waitingAgain' }, timedOut],
          onError: timedOut,
        },
      },
      waitingAgain: { after: { probeTimeout: 'overdueAgain' } },
      overdueAgain: { invoke: { src: 'inputRead', onDone: timedOut, onError: timedOut } },
    },
  } as const
}
