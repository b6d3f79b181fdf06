// Times of one turn: of a cluster, or of a fleet in this process.

/** Resolves with the time from the call of a turn to its first delta, in ms. */
export function firstDelta(call) {
  const at = performance.now()
  const turn = call()
  const first = new Promise((resolve) => {
    turn.replies$.subscribe(({ kind }) => kind === 'delta' && resolve(performance.now() - at))
  })
  return Promise.all([first, turn.text()]).then(([ms]) => ms)
}

/** Resolves with the time from the first delta of a turn to its end, in ms. */
export async function streamed(call) {
  const turn = call()
  let at
  turn.replies$.subscribe(({ kind }) => {
    if (kind === 'delta') at ??= performance.now()
  })
  await turn.text()
  return performance.now() - at
}

/** Resolves with the time from the call of a turn to its end, in ms. */
export async function whole(call) {
  const at = performance.now()
  await call().text()
  return performance.now() - at
}
