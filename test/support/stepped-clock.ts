export { settled, VirtualTime as SteppedClock } from '../../src/testing/virtual-time.ts'
