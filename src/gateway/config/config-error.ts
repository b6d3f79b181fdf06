import type { Place } from './yaml-document.ts'

/** Fault of a config file: what is wrong, and where, if a place is known. */
export interface ConfigFault {
  message: string
  place?: Place
}

/** Maximum number of faults that one message lists. */
const mostFaults = 20

/** Error of a config file. The message has one line for each fault: `fleet.yaml:3:5: …`. */
export class ConfigFileError extends Error {
  override readonly name = 'ConfigFileError'
  readonly faults: readonly ConfigFault[]

  /** @param file - the file, as the caller named it */
  constructor(file: string, faults: readonly ConfigFault[], options?: ErrorOptions) {
    super(listFaults(file, faults), options)
    this.faults = faults
  }
}

function listFaults(file: string, faults: readonly ConfigFault[]): string {
  const inOrder = [...faults].sort((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0))
  const lines = inOrder.slice(0, mostFaults).map(({ message, place }) => {
    const at = place ? `:${place.line}:${place.column}` : ''
    return `${file}${at}: ${message}`
  })
  const more = faults.length - mostFaults
  return [...lines, ...(more > 0 ? [`${file}: and ${more} more faults`] : [])].join('\n')
}
