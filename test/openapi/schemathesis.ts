import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'

/** Run of schemathesis. */
export interface SchemathesisRun {
  /** Path of a Python with schemathesis. */
  python: string
  /** Address of the gateway. */
  url: string
  token: string
  /** Ids of resources that exist, by their kind. */
  known: Readonly<Record<'agents' | 'turns' | 'sessions' | 'requests', readonly string[]>>
  /** True to run the operations that remove resources as they are generated. */
  isRemoving?: boolean
  /** Most requests for each operation and kind of data. */
  maxExamples: number
  phases: string
  /** Further arguments, such as filters. */
  args?: readonly string[]
  /** Time limit of the whole run, in ms. */
  limitMs: number
}

const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'unsupported_method',
]

/**
 * Runs schemathesis on the document of a gateway. The same seed gives the same requests. Its working directory is new,
 * because schemathesis keeps failures of earlier runs there, and repeats them.
 */
export async function runSchemathesis(run: SchemathesisRun): Promise<{ exitCode: number; output: string }> {
  const cwd = await mkdtemp(join(tmpdir(), 'opencode-runtime-schemathesis-'))
  try {
    const command = ['-m', 'schemathesis.cli', 'run', `${run.url}/v1/openapi.json`, ...argumentsOf(run)]
    const options = { all: true, reject: false, timeout: run.limitMs, cwd, env: environmentOf(run) } as const
    const { exitCode = -1, all, timedOut } = await execa(run.python, command, options)
    return { exitCode, output: timedOut ? `${all}\nThe run took longer than ${run.limitMs} ms` : all }
  } finally {
    await rm(cwd, { recursive: true, force: true })
  }
}

const environmentOf = ({ known, token, isRemoving = false }: SchemathesisRun): Record<string, string> => ({
  SCHEMATHESIS_HOOKS: 'hooks',
  PYTHONPATH: import.meta.dirname,
  PYTHONDONTWRITEBYTECODE: '1',
  KNOWN_RESOURCES: JSON.stringify({ ...known, token, isRemoving }),
  NO_COLOR: '1',
  NO_PROXY: '127.0.0.1',
})

function argumentsOf({ token, maxExamples, phases, args = [] }: SchemathesisRun): string[] {
  return [
    ...['--header', `Authorization: Bearer ${token}`],
    ...['--checks', checks.join(',')],
    ...['--phases', phases],
    ...['--max-examples', String(maxExamples)],
    ...['--seed', '17', '--generation-database', 'none'],
    ...['--request-timeout', '10', '--continue-on-failure', '--no-color', '--warnings', 'off'],
    ...['--suppress-health-check', 'all'],
    ...args,
  ]
}
