import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { api, ApiError } from '../../api/client.ts'
import { Button } from '../../parts/button.tsx'

/** Button that cancels a turn. The turn's own end, which follows on the stream, takes the button away. */
export function CancelButton({ id }: { id: string }): VNode {
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState('')
  const cancel = async () => {
    setBusy(true)
    setProblem('')
    try {
      await api.cancelTurn(id)
    } catch (error) {
      setProblem(error instanceof ApiError ? error.message : 'The turn could not be cancelled.')
      setBusy(false)
    }
  }
  return (
    <>
      <Button kind="danger" busy={isBusy} onClick={() => void cancel()}>
        Cancel turn
      </Button>
      <span role="alert" class="turn-problem">
        {problem}
      </span>
    </>
  )
}
