// Docstrings of src, for the tables of docs/reference.
import { readFileSync } from 'node:fs'
import ts from 'typescript'

/**
 * @typedef {{ name: string, text: string, tags: Record<string, string>, isOptional: boolean, type: string, value: string | undefined }} Member
 * @typedef {{ name: string, text: string, bases: string[], members: Member[] }} Declaration
 */

/** Returns the text of a comment in one line. @param {string | ts.NodeArray<ts.JSDocComment> | undefined} comment */
const textOf = (comment) => (ts.getTextOfJSDocComment(comment) ?? '').replace(/\s*\n\s*/g, ' ').trim()

/** Returns the first paragraph and the tags of a docstring. @param {ts.Node} node */
function docOf(node) {
  const docs = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc)
  const [paragraph = ''] = (ts.getTextOfJSDocComment(docs[0]?.comment) ?? '').split('\n\n')
  const tags = ts.getJSDocTags(node).map((tag) => [tag.tagName.text, textOf(tag.comment)])
  return {
    text: paragraph.replace(/\s*\n\s*/g, ' ').trim(),
    tags: /** @type {Record<string, string>} */ (Object.fromEntries(tags)),
  }
}

/** @param {ts.ClassElement | ts.TypeElement} node @returns {Member[]} */
function membersOf(node) {
  if (!ts.isPropertySignature(node) && !ts.isPropertyDeclaration(node)) return []
  const value = ts.isPropertyDeclaration(node) ? node.initializer?.getText() : undefined
  return [
    {
      name: node.name.getText(),
      ...docOf(node),
      isOptional: node.questionToken !== undefined,
      type: node.type?.getText() ?? '',
      value,
    },
  ]
}

/** Returns the exported interfaces and classes of a file of src. @param {string} file @returns {Declaration[]} */
export function declarationsOf(file) {
  const text = readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8')
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  return source.statements.flatMap((node) => {
    if (!ts.isInterfaceDeclaration(node) && !ts.isClassDeclaration(node)) return []
    const bases = node.heritageClauses?.flatMap(({ types }) => types.map((type) => type.getText())) ?? []
    const members = [...node.members].flatMap(membersOf)
    return [{ name: node.name?.text ?? '', text: docOf(node).text, bases, members }]
  })
}

/** Returns the strings of a union type of a file of src. @param {string} file @param {string} name @returns {string[]} */
export function unionOf(file, name) {
  const text = readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8')
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const alias = source.statements.find((node) => ts.isTypeAliasDeclaration(node) && node.name.text === name)
  if (!alias || !ts.isTypeAliasDeclaration(alias) || !ts.isUnionTypeNode(alias.type))
    throw new Error(`${file} has no union type ${name}`)
  return alias.type.types.map((type) => type.getText().replaceAll("'", ''))
}
