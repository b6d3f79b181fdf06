import { fromPromise } from 'xstate'
import { inputRead as read } from '../clock.ts'

/** Is done once what waits on this process's sockets has been read. */
export const inputRead = fromPromise<undefined>(async () => {
  await read()
  return undefined
})
