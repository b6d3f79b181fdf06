/** Box of a state, in the units of the chart. */
export interface ChartState {
  /** Path of the state in its machine, such as `healthy.stream`. */
  id: string
  name: string
  kind: 'plain' | 'nested' | 'parallel' | 'region' | 'final'
  x: number
  y: number
  width: number
  height: number
}

/** Cause of a transition, as the chart shows it. */
export interface ChartLabel {
  /** Event, delay in words, or end of an actor. */
  text: string
  /** Condition of the transition. */
  guard?: string
  /** State in the frame that the arrow leaves, if the transition begins deeper in it. */
  source?: string
}

/** Arrow of all transitions from one box to another. */
export interface ChartArrow {
  /** Ids of its ends; empty for a dot or a way out. */
  from: string
  to: string
  /** Points of the line: x and y take turns. */
  points: readonly number[]
  labels: readonly ChartLabel[]
  /** Middle of the labels. */
  x: number
  y: number
}

/** Small mark: the begin of a frame, or a transition that any state in the frame takes. */
export interface ChartDot {
  kind: 'initial' | 'any'
  x: number
  y: number
}

/** Way out of the part of a machine that is drawn; the middle of its text. */
export interface ChartExit {
  /** Name of the state to which the way leads. */
  to: string
  x: number
  y: number
}

/** Machine, or the inside of one of its states, laid out to be drawn. */
export interface Chart {
  width: number
  height: number
  states: readonly ChartState[]
  arrows: readonly ChartArrow[]
  dots: readonly ChartDot[]
  exits: readonly ChartExit[]
}
