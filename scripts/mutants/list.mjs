// Lists the mutants of a source; each is one small change of behaviour.
import ts from 'typescript'
import { mutationsOf } from './operators.mjs'

/**
 * @typedef {object} Mutant
 * @property {string} file
 * @property {number} line
 * @property {number} start Start of the replaced text
 * @property {number} end End of the replaced text
 * @property {string} text Replacement
 * @property {string} name Place and change; the same after changes elsewhere in the file
 */

/**
 * Returns all mutants of a source, in text order. Never changes types, descriptions, names or prose.
 *
 * @param {string} file
 * @param {string} source
 * @returns {Mutant[]}
 */
export function mutantsOf(file, source) {
  const root = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true)
  /** @type {Mutant[]} */
  const mutants = []
  const names = new Map()
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isImportDeclaration(node)) return
    for (const { at, text, what } of mutationsOf(node)) {
      const [start, end] = [at.getStart(), at.getEnd()]
      const label = [...pathOf(at), what].join(' › ').replace(/\s+/g, ' ')
      names.set(label, (names.get(label) ?? 0) + 1)
      const name = names.get(label) === 1 ? label : `${label} (${names.get(label)})`
      mutants.push({ file, line: root.getLineAndCharacterOfPosition(start).line + 1, start, end, text, name })
    }
    ts.forEachChild(node, visit)
  }
  visit(root)
  return mutants
}

/** Returns the names of what contains a node, outermost first. @param {ts.Node} node @returns {string[]} */
function pathOf(node) {
  if (node.parent === undefined) return []
  const { name } = /** @type {{ name?: ts.Node }} */ (/** @type {unknown} */ (node))
  const isNamed = [
    ts.isPropertyAssignment,
    ts.isPropertyDeclaration,
    ts.isFunctionLike,
    ts.isVariableDeclaration,
  ].some((is) => is(node))
  return isNamed && name ? [...pathOf(node.parent), name.getText()] : pathOf(node.parent)
}
