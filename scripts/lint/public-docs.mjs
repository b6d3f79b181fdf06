import jsdoc from 'eslint-plugin-jsdoc'

/** Files that define what `src/index.ts` and `src/testing/index.ts` export. Their other exports are `@internal`. */
const files = [
  'src/api/*.ts',
  'src/errors.ts',
  'src/replies.ts',
  'src/config/options.ts',
  'src/machines/server-machine.ts',
  'src/actors/turn/turn.ts',
  'src/actors/turn/reducer/reducer.ts',
  'src/testing/*.ts',
]

/** Files of the test kit that export nothing to users. */
const ignores = ['lifecycle-world', 'model-chunks', 'model-reply'].map((name) => `src/testing/${name}.ts`)

/** Members that callers can reach: neither private nor protected, and not named by a symbol. */
const member = 'MethodDefinition[computed=false][key.type!="PrivateIdentifier"]:not([accessibility])'
const functions = [
  'ExportNamedDeclaration > FunctionDeclaration',
  'ExportNamedDeclaration > VariableDeclaration > VariableDeclarator > ArrowFunctionExpression',
  // The docstrings of `ServerSession` are those of the interface `Session`.
  `ExportNamedDeclaration > ClassDeclaration[id.name!="ServerSession"] > ClassBody > ${member}`,
  'ExportNamedDeclaration > TSInterfaceDeclaration > TSInterfaceBody > TSMethodSignature',
]
const declarations = [
  'ExportNamedDeclaration > :matches(ClassDeclaration, TSInterfaceDeclaration, TSTypeAliasDeclaration)',
  'ExportNamedDeclaration[declaration.type="VariableDeclaration"]',
]

/** Functions with a result; a promise without a value and a getter have none to describe. */
const returning = functions.map((context) => {
  const type = context.endsWith(member) ? 'value.returnType' : 'returnType'
  const promised = `${type}.typeAnnotation.typeArguments.params.0.type="TSVoidKeyword"`
  return `${context}:not([${promised}]):not([kind="get"])`
})

/**
 * Text of a `@throws` tag: the class, and the code unless the class is the base class, has the code of a reply, or
 * is not of this package.
 */
const thrown =
  '^(?:(?:OpenCodeRuntimeError|TurnError|AssertionError|TypeError|Error)\\b|\\w+Error \\(`ERR_OPENCODE_[A-Z_]+`\\))'

/** Rules for the docstrings of the public API: a description, parameters, result and errors. */
export const publicDocs = {
  files,
  ignores,
  plugins: { jsdoc },
  settings: {
    jsdoc: {
      mode: 'typescript',
      ignoreInternal: true,
      ignorePrivate: true,
    },
  },
  rules: {
    'jsdoc/require-jsdoc': [
      'error',
      {
        enableFixer: false,
        require: { FunctionDeclaration: false },
        contexts: [...functions, ...declarations],
      },
    ],
    'jsdoc/require-description': ['error', { contexts: [...functions, ...declarations] }],
    'jsdoc/require-param': [
      'error',
      { contexts: functions, enableFixer: false, checkDestructuredRoots: true, checkDestructured: false },
    ],
    'jsdoc/require-param-description': ['error', { contexts: functions }],
    'jsdoc/check-param-names': ['error', { checkDestructured: false }],
    'jsdoc/require-returns': ['error', { contexts: returning, enableFixer: false }],
    'jsdoc/require-returns-description': ['error', { contexts: returning }],
    'jsdoc/require-throws': ['error', { contexts: functions }],
    'jsdoc/match-description': [
      'error',
      { contexts: functions, mainDescription: false, tags: { throws: thrown } },
    ],
    'jsdoc/check-tag-names': ['error', { definedTags: ['remarks', 'defaultValue'], typed: true }],
    'jsdoc/no-types': ['error', { contexts: ['any'] }],
    'jsdoc/empty-tags': 'error',
    'jsdoc/no-bad-blocks': 'error',
  },
}
