import type { Paint } from '../log-entries.ts'

/** Size and style of the shown status. */
export interface FrameOptions {
  /** Time, in epoch ms. */
  now: number
  /** Width of a line, in columns. */
  width: number
  /** Maximum number of lines; agents that do not fit are counted. */
  height: number
  paint: Paint
}
