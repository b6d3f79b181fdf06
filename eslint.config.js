import js from '@eslint/js'
import ts from 'typescript-eslint'

/** Imports point one way: index, cli → machines → actors → io; options, errors and replies import nothing above them. */
const forbid = (files, group, message) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns: [{ group, message }] }] },
})

export default ts.config(
  { ignores: ['build', '**/dist', 'coverage'] },
  js.configs.recommended,
  {
    files: ['**/*.ts', 'src/**/*.mjs'],
    extends: [ts.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidOperator: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
    },
  },
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        setTimeout: 'readonly',
        setInterval: 'readonly',
        clearTimeout: 'readonly',
        clearInterval: 'readonly',
        Buffer: 'readonly',
        URL: 'readonly',
        fetch: 'readonly',
        performance: 'readonly',
        TextDecoder: 'readonly',
        AbortController: 'readonly',
        AbortSignal: 'readonly',
      },
    },
  },
  forbid(
    ['src/*.ts', 'src/cli/**', 'src/testing/**'],
    ['@opentelemetry/*'],
    'src/telemetry tells OpenTelemetry',
  ),
  forbid(
    ['src/machines/**'],
    [
      'execa',
      'undici',
      'node:*',
      'rxjs',
      'rxjs/*',
      '**/io/**',
      '**/telemetry/**',
      '@opentelemetry/*',
      '**/index.ts',
      '**/cli.ts',
    ],
    'machines decide; the world is behind actors',
  ),
  forbid(
    ['src/actors/**'],
    [
      '**/machines/**',
      '../index.ts',
      '../cli.ts',
      '../server.ts',
      'execa',
      'undici',
      '**/telemetry/**',
      '@opentelemetry/*',
    ],
    'actors import io, options, errors and replies only; who is told of them is in observers.ts',
  ),
  forbid(
    ['src/io/**'],
    [
      'xstate',
      'xstate/*',
      'rxjs',
      'rxjs/*',
      '**/actors/**',
      '**/machines/**',
      '**/telemetry/**',
      '@opentelemetry/*',
      '../index.ts',
      '../cli.ts',
      '../server.ts',
    ],
    'io knows promises, async iterables and AbortSignal only',
  ),
  forbid(
    ['src/config/options.ts', 'src/errors.ts', 'src/replies.ts'],
    ['**/io/**', '**/actors/**', '**/machines/**', 'xstate', 'rxjs', 'undici', 'execa', '@opentelemetry/*'],
    'options, errors and replies import nothing above them',
  ),
)
