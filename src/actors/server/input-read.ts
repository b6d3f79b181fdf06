import { fromPromise } from 'xstate'
import { inputRead as read } from '../clock.ts'

/** Completes when the pending input of this process's sockets has been read. */
export const inputRead = fromPromise<undefined>(async () => {
  await read()
  return undefined
})
