import js from '@eslint/js'
import ts from 'typescript-eslint'
import { publicDocs } from './scripts/lint/public-docs.mjs'

/** Imports point one way: index, cli → machines → actors → io; options, errors and replies import nothing above them. */
const forbid = (files, group, message) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns: [{ group, message }] }] },
})

export default ts.config(
  { ignores: ['build', '**/dist', 'coverage', 'site/.vitepress/{cache,.temp}'] },
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}', 'src/**/*.mjs'],
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
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
    },
  },
  {
    // Nest declares its options as a class, and documents them as a literal.
    files: ['examples/nest/**'],
    rules: { '@typescript-eslint/no-unsafe-class-instance-assignment': 'off' },
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
  publicDocs,
  forbid(
    ['src/*.ts', 'src/api/**', 'src/cli/**', 'src/testing/**'],
    ['@opentelemetry/*'],
    'src/telemetry tells OpenTelemetry',
  ),
  forbid(
    ['src/api/**'],
    ['**/cli/**', '**/gateway/**', '**/testing/**', '**/index.ts', '**/cli.ts'],
    'the command line, the gateway and the test kit are built on the api',
  ),
  forbid(
    ['src/gateway/**'],
    [
      '**/cli/**',
      '**/testing/**',
      '**/cli.ts',
      '**/src/index.ts',
      '@opentelemetry/*',
      'execa',
      'undici',
      ...['server', 'turn', 'fleet'].map((room) => `**/actors/${room}/**`),
      '!**/actors/turn/turn-record.ts',
    ],
    'the gateway is built on the api',
  ),
  forbid(
    ['src/cluster/**'],
    [
      '**/cli/**',
      '**/gateway/**',
      '**/testing/**',
      '**/cli.ts',
      '**/src/index.ts',
      '@opentelemetry/*',
      'execa',
    ],
    'the cluster is built on the api',
  ),
  forbid(
    ['web/src/**'],
    [
      'node:*',
      '!**/src/gateway/schemas/*',
      '**/src/{actors,api,cli,config,gateway,io,machines,testing,util}/**',
    ],
    'the view knows the gateway by its HTTP interface, and takes types of src/gateway/schemas only (web/src/api/types.ts)',
  ),
  forbid(
    ['src/machines/**'],
    [
      'execa',
      'undici',
      'node:*',
      'rxjs',
      'rxjs/*',
      '**/io/home/**',
      '**/io/host/**',
      '**/io/process/**',
      '**/io/opencode/*',
      '!**/io/opencode/versions.ts',
      ...['api', 'cli', 'gateway', 'telemetry', 'testing'].map((room) => `**/${room}/**`),
      '@opentelemetry/*',
      '**/index.ts',
      '**/cli.ts',
    ],
    'machines decide; the world is behind actors',
  ),
  forbid(
    ['src/actors/**'],
    [
      ...['api', 'cli', 'gateway', 'machines', 'telemetry', 'testing'].map((room) => `**/${room}/**`),
      'execa',
      'undici',
      '@opentelemetry/*',
      '**/index.ts',
      '**/cli.ts',
    ],
    'actors import io, config, errors and replies only',
  ),
  forbid(
    ['src/telemetry/**'],
    ['**/api/**', '!./api.ts', '**/cli/**', '**/gateway/**', '**/testing/**', '**/index.ts', '**/cli.ts'],
    'the api wires telemetry in',
  ),
  forbid(
    ['src/io/**'],
    [
      'xstate',
      'xstate/*',
      'rxjs',
      'rxjs/*',
      ...['actors', 'api', 'cli', 'gateway', 'machines', 'telemetry', 'testing'].map(
        (room) => `**/${room}/**`,
      ),
      '@opentelemetry/*',
      '**/index.ts',
      '**/cli.ts',
    ],
    'io knows promises, async iterables and AbortSignal only',
  ),
  forbid(
    ['src/config/**', 'src/util/**', 'src/errors.ts', 'src/replies.ts'],
    [
      ...['actors', 'api', 'cli', 'gateway', 'io', 'machines', 'telemetry', 'testing'].map(
        (room) => `**/${room}/**`,
      ),
      'xstate',
      'rxjs',
      'undici',
      'execa',
      '@opentelemetry/*',
    ],
    'config, util, errors and replies import nothing above them',
  ),
)
