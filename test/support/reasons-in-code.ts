import { readFileSync, readdirSync } from 'node:fs'
import ts from 'typescript'

const source = new URL('../../src/', import.meta.url)
/** Folders whose code gives the reasons of lifecycles. */
const folders = ['machines', 'machines/fleet', 'api/fleet']

/**
 * Returns every text that the code gives as the `reason` of a lifecycle, with 1 for each number or text that is known
 * only while the code runs. Throws for an expression that cannot be read, so that no reason is missed.
 */
export function reasonsInCode(): string[] {
  const nodes = folders.flatMap(filesOf).flatMap(nodesOf)
  const code = { values: valuesOf(nodes), functions: functionsOf(nodes) }
  return [...new Set(nodes.filter(isReason).flatMap(({ initializer }) => textsOf(initializer, code)))]
}

const filesOf = (folder: string): ts.SourceFile[] =>
  readdirSync(new URL(`${folder}/`, source))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const text = readFileSync(new URL(`${folder}/${name}`, source), 'utf8')
      return ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true)
    })

function nodesOf(node: ts.Node): ts.Node[] {
  const children: ts.Node[] = []
  ts.forEachChild(node, (child) => void children.push(child))
  return [node, ...children.flatMap(nodesOf)]
}

type Named = (ts.PropertyAssignment | ts.VariableDeclaration) & { initializer: ts.Expression }

const isNamed = (node: ts.Node): node is Named =>
  (ts.isPropertyAssignment(node) || ts.isVariableDeclaration(node)) && node.initializer !== undefined

const isReason = (node: ts.Node): node is Named => isNamed(node) && node.name.getText() === 'reason'

/** Constants and functions of the code, by name. */
interface Code {
  values: ReadonlyMap<string, ts.Expression>
  functions: ReadonlyMap<string, ts.Node>
}

const valuesOf = (nodes: readonly ts.Node[]): Code['values'] =>
  new Map(
    nodes
      .filter(isNamed)
      .filter(({ kind }) => kind === ts.SyntaxKind.VariableDeclaration)
      .map(({ name, initializer }) => [name.getText(), initializer]),
  )

const functionsOf = (nodes: readonly ts.Node[]): Code['functions'] =>
  new Map(
    nodes
      .filter((node) => ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node))
      .flatMap((node) => (node.name ? [[node.name.getText(), node] as const] : [])),
  )

/** Returns the texts that an expression may give; none for a reason that is passed on. */
function textsOf(node: ts.Expression, code: Code): string[] {
  if (ts.isStringLiteralLike(node)) return [node.text]
  if (ts.isTemplateExpression(node)) return templateTexts(node, code)
  if (ts.isConditionalExpression(node))
    return [node.whenTrue, node.whenFalse].flatMap((side) => textsOf(side, code))
  if (ts.isBinaryExpression(node)) return [node.left, node.right].flatMap((side) => textsOf(side, code))
  if (ts.isAsExpression(node)) return textsOf(node.expression, code)
  if (ts.isCallExpression(node)) return returnedTexts(node, code)
  if (ts.isPropertyAccessExpression(node)) return []
  if (!ts.isIdentifier(node)) throw new Error(`A reason cannot be read: ${node.getText()}`)
  const value = node.text === 'reason' ? undefined : code.values.get(node.text)
  return value ? textsOf(value, code) : []
}

function templateTexts({ head, templateSpans }: ts.TemplateExpression, code: Code): string[] {
  return templateSpans.reduce<string[]>(
    (texts, { expression, literal }) => {
      const parts = isKnown(expression, code) ? textsOf(expression, code) : ['1']
      return texts.flatMap((text) => parts.map((part) => text + part + literal.text))
    },
    [head.text],
  )
}

/** Returns whether the code itself tells the texts of a part of a template. */
const isKnown = (node: ts.Expression, { values, functions }: Code): boolean => {
  if (ts.isIdentifier(node)) return values.has(node.text)
  return ts.isCallExpression(node) && functions.has(calledName(node))
}

function returnedTexts(call: ts.CallExpression, code: Code): string[] {
  const called = code.functions.get(calledName(call))
  if (!called) throw new Error(`A reason cannot be read: ${call.getText()}`)
  const returned = nodesOf(called).filter(ts.isReturnStatement)
  return returned.flatMap(({ expression }) => (expression ? textsOf(expression, code) : []))
}

const calledName = ({ expression }: ts.CallExpression): string =>
  (ts.isPropertyAccessExpression(expression) ? expression.name : expression).getText()
