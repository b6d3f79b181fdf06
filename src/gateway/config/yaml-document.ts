import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node } from 'yaml'

/** Place in a file: line and column, from 1. */
export interface Place {
  line: number
  column: number
}

/** Content of a YAML or JSON file. */
export interface YamlDocument {
  readonly value: unknown
  /** Returns the place of a field, or of the nearest object or list around the field that the file has. */
  placeOf(path: readonly PropertyKey[]): Place
}

/** Fault of the syntax of a file. */
export interface SyntaxFault {
  place: Place
  message: string
}

/** Maximum number of times that aliases of one anchor are expanded, against files that grow without a limit. */
const maxAliasCount = 100

/** Parses a text as YAML 1.2, of which JSON is a part; `<<` merges an anchor. Returns the faults of a bad text. */
export function parseYaml(text: string): YamlDocument | SyntaxFault[] {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true })
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const faults = [...document.errors, ...document.warnings]
  if (faults.length > 0) return faults.map(({ pos, message }) => ({ place: placeAt(pos[0]), message }))
  try {
    const value: unknown = document.toJS({ maxAliasCount })
    return { value, placeOf: (path) => placeAt(offsetOf(document, path)) }
  } catch (error) {
    return [{ place: placeAt(0), message: error instanceof Error ? error.message : String(error) }]
  }
}

/** Returns the offset of the key or item at a path, or of the deepest part of the path that the file has. */
function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents
  let offset = startOf(node) ?? 0
  for (const key of path) {
    const inner = innerOf(isAlias(node) ? node.resolve(document) : node, key)
    if (inner === undefined) break
    offset = startOf(inner.at) ?? offset
    node = inner.node
  }
  return offset
}

/** Returns the value of a key of a node, and the node to point at. */
function innerOf(node: unknown, key: PropertyKey): { node: unknown; at: unknown } | undefined {
  if (isSeq(node)) {
    const item = typeof key === 'number' ? node.items[key] : undefined
    return item === undefined ? undefined : { node: item, at: item }
  }
  if (!isMap(node)) return undefined
  const pair = node.items.find((each) => isScalar(each.key) && String(each.key.value) === String(key))
  return pair && { node: pair.value, at: pair.key }
}

const startOf = (node: unknown): number | undefined => (node as Node | null | undefined)?.range?.[0]
