/**
 * Returns the substates of a probe on its way: it fails at its time limit (`judged`, the state that counts the failure).
 * If the host itself stood still meanwhile (its timer comes late), the answer may wait to be read: the probe gets its time
 * once more.
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
        always: [{ guard: 'stoodStill', target: 'waitingAgain' }, timedOut],
      },
      waitingAgain: { after: { probeTimeout: timedOut } },
    },
  } as const
}
