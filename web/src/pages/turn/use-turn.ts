import { useEffect, useMemo, useState } from 'preact/hooks'
import { api, type ApiError } from '../../api/client.ts'
import type { Reply, Turn } from '../../api/types.ts'
import { useQuery } from '../../app/query.ts'
import { followTurn } from '../../live/turn-stream.ts'
import { Transcript, type TurnView } from './transcript.ts'

/** Turn as the gateway tells it, and what its stream has told. */
export interface FollowedTurn {
  turn: Turn | undefined
  view: TurnView
  error: ApiError | undefined
  /** State of the stream. */
  stream: 'connecting' | 'live' | 'waiting' | 'ended'
  reload: () => void
}

/** Time between two requests for the usage of a turn that runs, in ms. */
const usageEveryMs = 2_000

/** Follows a turn: its replies as they come, and its usage after each step. */
export function useTurn(id: string): FollowedTurn {
  const { data: turn, error, reload } = useQuery(`turn:${id}`, (signal) => api.turn(id, signal))
  const transcript = useMemo(() => new Transcript(), [id])
  const [view, setView] = useState(() => transcript.view)
  const [stream, setStream] = useState<FollowedTurn['stream']>('connecting')
  const [failure, setFailure] = useState<ApiError>()
  useEffect(() => {
    let reloadedAt = 0
    return followTurn(id, {
      replies(batch) {
        transcript.add(batch)
        setView(transcript.view)
        if (!isStep(batch) || performance.now() - reloadedAt < usageEveryMs) return
        reloadedAt = performance.now()
        reload()
      },
      status(status) {
        transcript.setStatus(status)
        setView(transcript.view)
      },
      state(state) {
        setStream(state)
        if (state === 'ended') reload()
      },
      failed: setFailure,
    })
  }, [id])
  return { turn, view, error: error ?? failure, stream, reload }
}

/** Usage changes when a step of the model ends. */
const isStep = (batch: readonly Reply[]): boolean => batch.some(({ kind }) => kind === 'tool_result')
