// The mutants of a source: each is one small change of what it does.
import ts from 'typescript'
import { mutationsOf } from './operators.mjs'

/**
 * @typedef {object} Mutant
 * @property {string} file
 * @property {number} line
 * @property {number} start The text from here …
 * @property {number} end … to here …
 * @property {string} text … becomes this.
 * @property {string} name Where it is and what becomes of it: the same after changes elsewhere in the file.
 */

/**
 * All mutants of a source, in the order of the text. Nothing is changed that only types, describes or names, nor prose.
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
      const said = [...pathOf(at), what].join(' › ').replace(/\s+/g, ' ')
      names.set(said, (names.get(said) ?? 0) + 1)
      const name = names.get(said) === 1 ? said : `${said} (${names.get(said)})`
      mutants.push({ file, line: root.getLineAndCharacterOfPosition(start).line + 1, start, end, text, name })
    }
    ts.forEachChild(node, visit)
  }
  visit(root)
  return mutants
}

/** What a node is a part of, from the outside. @param {ts.Node} node @returns {string[]} */
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
