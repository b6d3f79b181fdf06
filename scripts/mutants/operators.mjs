// Changes to a source, one change in each mutant.
import ts from 'typescript'

/** Keys that are left alone: names, texts for people, and keys without which nothing would load. */
const untouched = new Set([
  'description',
  'id',
  'type',
  'types',
  'kind',
  'src',
  'input',
  'initial',
  'states',
  'params',
])
/** Keys whose members are named elsewhere. */
const registers = new Set(['states', 'guards', 'actions', 'delays', 'actors'])
/** Keys whose members are left out one by one. */
const containers = new Set(['on', 'after'])

const swapped = new Map(
  Object.entries({
    '===': '!==',
    '!==': '===',
    '<': '<=',
    '<=': '<',
    '>': '>=',
    '>=': '>',
    '+': '-',
    '-': '+',
    '*': '/',
    '/': '*',
    '%': '*',
    '**': '*',
    '??=': '=',
    '+=': '-=',
    some: 'every',
    every: 'some',
    min: 'max',
    max: 'min',
  }),
)

/**
 * Returns the changes to a piece of a source: `at` becomes `text`.
 *
 * @typedef {{ at: ts.Node, text: string, what: string }} Mutation
 * @param {ts.Node} node
 * @returns {Mutation[]}
 */
export function mutationsOf(node) {
  if (ts.isIfStatement(node)) return ofCondition(node.expression)
  if (ts.isConditionalExpression(node)) return ofCondition(node.condition)
  if (ts.isBinaryExpression(node)) return ofOperation(node)
  if (ts.isPrefixUnaryExpression(node)) return ofNegation(node)
  if (ts.isCallExpression(node)) return ofCall(node)
  if (ts.isArrowFunction(node)) return isGuard(node) ? ofCondition(node.body) : []
  if (ts.isExpressionStatement(node)) return [{ at: node, text: ';', what: `without ${node.getText()}` }]
  if (ts.isObjectLiteralExpression(node)) return ofObject(node)
  if (ts.isArrayLiteralExpression(node))
    return node.elements.map((gone) => lacking(node, node.elements, gone))
  return ofLiteral(node)
}

/** @param {ts.Node} at @param {string} text @returns {Mutation} */
const becomes = (at, text) => ({ at, text, what: `${at.getText()} → ${text}` })

/**
 * Returns the fixed results of a condition. Leaves out a result that changes of the operands test better.
 * @param {ts.Node} node
 */
function ofCondition(node) {
  const sign = ts.isBinaryExpression(node) ? node.operatorToken.getText() : ''
  return ['true', 'false']
    .filter((text) => (text === 'true' ? sign !== '&&' : sign !== '||'))
    .map((text) => becomes(node, text))
}

/**
 * Returns whether `ofCondition`, or the removal of an operand, already tests a node.
 * @param {ts.Node} node
 * @returns {boolean}
 */
function isDecision(node) {
  const { parent } = node
  if (ts.isParenthesizedExpression(parent)) return isDecision(parent)
  if (ts.isIfStatement(parent)) return parent.expression === node
  if (ts.isConditionalExpression(parent)) return parent.condition === node
  if (ts.isBinaryExpression(parent)) return isLogical(parent)
  return ts.isArrowFunction(parent) && isGuard(parent)
}

/** @param {ts.BinaryExpression} node */
const isLogical = ({ operatorToken }) => ['&&', '||', '??'].includes(operatorToken.getText())

/** @param {ts.BinaryExpression} node @returns {Mutation[]} */
function ofOperation(node) {
  const { left, right, operatorToken } = node
  const sign = operatorToken.getText()
  if (isLogical(node)) {
    const isChain = ts.isBinaryExpression(left) && left.operatorToken.getText() === sign
    return isChain
      ? [becomes(node, left.getText())]
      : [becomes(node, left.getText()), becomes(node, `(${right.getText()})`)]
  }
  const other = swapped.get(sign)
  if (other === undefined || [left, right].some(isText)) return []
  if (sign.includes('==') && isDecision(node)) return []
  const text = `${left.getText()} ${other} ${right.getText()}`
  return [{ at: operatorToken, text: other, what: `${node.getText()} → ${text}` }]
}

/** @param {ts.PrefixUnaryExpression} node @returns {Mutation[]} */
function ofNegation(node) {
  const isNot = node.operator === ts.SyntaxKind.ExclamationToken
  return isNot && !isDecision(node) ? [becomes(node, node.operand.getText())] : []
}

/** @param {ts.CallExpression} node @returns {Mutation[]} */
function ofCall(node) {
  if (!ts.isPropertyAccessExpression(node.expression)) return []
  const { expression, name } = node.expression
  const other = swapped.get(name.text)
  if (other !== undefined) return [{ at: name, text: other, what: `${node.getText()} → ${other}` }]
  return ['filter', 'slice'].includes(name.text) ? [becomes(node, expression.getText())] : []
}

/**
 * Returns whether a function is a `guard`, or one of `guards`, and only an expression.
 * @param {ts.ArrowFunction} node
 */
const isGuard = ({ body, parent }) =>
  ts.isPropertyAssignment(parent) &&
  !ts.isBlock(body) &&
  [parent, parent.parent.parent].some(
    (owner) => ts.isPropertyAssignment(owner) && /^guards?$/.test(owner.name.getText()),
  )

/** @param {ts.ObjectLiteralExpression} node @returns {Mutation[]} */
function ofObject(node) {
  const { parent, properties } = node
  if (ts.isPropertyAssignment(parent) && registers.has(parent.name.getText()) && !isAction(node)) return []
  return properties.filter(isMissed).map((gone) => lacking(node, properties, gone))
}

/** @param {ts.ObjectLiteralExpression} node */
const isAction = ({ properties }) => properties.some(({ name }) => name?.getText() === 'type')

/** Returns whether leaving out a property is its own mutant. @param {ts.ObjectLiteralElementLike} property */
function isMissed(property) {
  const name = property.name?.getText() ?? ''
  if (untouched.has(name) || containers.has(name) || name === 'reenter') return false
  if (!ts.isPropertyAssignment(property)) return true
  const { initializer, parent } = property
  if (ts.isArrayLiteralExpression(initializer)) return initializer.elements.length === 0
  if (initializer.getText() === 'undefined') return ts.findAncestor(parent, ts.isCallExpression) !== undefined
  return !(registers.has(name) && ts.isCallExpression(parent.parent))
}

/** @param {ts.Node} at @param {readonly ts.Node[]} members @param {ts.Node} gone @returns {Mutation} */
function lacking(at, members, gone) {
  const rest = members.filter((member) => member !== gone).map((member) => member.getText())
  const text = ts.isArrayLiteralExpression(at) ? `[${rest.join(', ')}]` : `{ ${rest.join(', ')} }`
  return { at, text, what: `without ${gone.getText()}` }
}

/**
 * Returns the changes to a literal. Numbers in an operation are tested by changes of the operator.
 * @param {ts.Node} node
 * @returns {Mutation[]}
 */
function ofLiteral(node) {
  if (node.kind === ts.SyntaxKind.TrueKeyword) return isLeftOut(node) ? [] : [becomes(node, 'false')]
  if (node.kind === ts.SyntaxKind.FalseKeyword) return isLeftOut(node) ? [] : [becomes(node, 'true')]
  if (!ts.isNumericLiteral(node) || ts.isBinaryExpression(node.parent)) return []
  return [becomes(node, Number(node.text) === 0 ? '1' : String(2 * Number(node.text)))]
}

/** Returns whether another mutant leaves out the property with this value. @param {ts.Node} node */
const isLeftOut = ({ parent }) =>
  ts.isPropertyAssignment(parent) && ts.isObjectLiteralExpression(parent.parent) && isMissed(parent)

/** @param {ts.Node} node */
const isText = (node) => ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)
