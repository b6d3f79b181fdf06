import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { buildPackage } from './built-cli.ts'
import type { Example } from './doc-examples.ts'
import { linkPackages, unpackPackage } from './packed-package.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Makes a project in which the packed package is installed, beside links to the packages that this project
 * declares. Returns its folder, which is the caller's to remove.
 *
 * @param isReal - true to link opencode too; otherwise a program finds the `opencode` on its PATH
 */
export async function makeDocProject(isReal = false): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'opencode-runtime-docs-'))
  const dist = await buildPackage()
  try {
    const own = await unpackPackage(dist, folder)
    const manifest = readFileSync(join(project, 'package.json'), 'utf8')
    const { devDependencies } = JSON.parse(manifest) as { devDependencies: object }
    const names = new Set([...own, ...Object.keys(devDependencies)])
    if (!isReal) names.delete('opencode-ai')
    await linkPackages([...names], folder)
  } finally {
    await rm(dirname(dist), { recursive: true, force: true })
  }
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  return folder
}

/** Returns the type errors of programs, one line for each, with its place in the page. */
export async function typeErrorsOf(examples: readonly Example[], folder: string): Promise<string[]> {
  const pages = new Map<string, Example>()
  for (const example of examples) {
    const file = join(folder, 'checked', example.page, example.file)
    if (pages.has(file)) throw new Error(`${example.page} has two files ${example.file}`)
    pages.set(file, example)
    await write(file, example.code)
  }
  const files = [...pages.keys()]
  const ofBrowsers = files.filter((file) => isOfBrowsers(pages.get(file)?.code ?? '', file))
  const ofNode = files.filter((file) => !ofBrowsers.includes(file))
  const [node, browsers] = [checkedOptions([]), checkedOptions(['lib.dom.d.ts'])]
  return [ts.createProgram(ofNode, node), ts.createProgram(ofBrowsers, browsers)]
    .flatMap((program) => ts.getPreEmitDiagnostics(program))
    .map((diagnostic) => told(diagnostic, pages))
}

/** Returns whether a program has the types of browsers. Elsewhere their globals would hide missing names. */
const isOfBrowsers = (code: string, file: string): boolean =>
  file.endsWith('.tsx') || /from '(?:@angular|react)\b/.test(code)

/** Returns the strict options of this project, without its paths: the packed package is found by its exports. */
function checkedOptions(libraries: readonly string[]): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(project, 'tsconfig.json'), (file) => ts.sys.readFile(file)) as {
    config: object
  }
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, project)
  delete options['paths']
  const lib = [...(options.lib ?? []), ...libraries]
  // Classes of a framework have its decorators, and properties among their parameters.
  const ofFrameworks = { experimentalDecorators: true, erasableSyntaxOnly: false, jsx: ts.JsxEmit.Preserve }
  return { ...options, lib, ...ofFrameworks, declaration: false, sourceMap: false }
}

function told(
  { file, start = 0, code, messageText }: ts.Diagnostic,
  pages: ReadonlyMap<string, Example>,
): string {
  const text = ts.flattenDiagnosticMessageText(messageText, ' ')
  const page = file && pages.get(file.fileName)?.page
  if (!file || page === undefined) return `${file?.fileName ?? ''} ${text}`
  const place = `${page}:${file.getLineAndCharacterOfPosition(start).line + 1}`
  const missing = /^(?:Cannot find module|Could not find a declaration file for module) '([^.'][^']*)'/.exec(
    text,
  )?.[1]
  return missing === undefined
    ? `${place}: ${text} (TS${code})`
    : `${place}: the package of '${missing}' is not installed: add it (or its types) to the devDependencies`
}

/** Writes a program as JavaScript that Node 20 can run, and returns its path. */
export async function writeRunnable(example: Example, folder: string): Promise<string> {
  const file = join(folder, example.page, example.file.replace(/\.tsx?$/, '.js'))
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ES2022,
    rewriteRelativeImportExtensions: true,
    experimentalDecorators: true,
  }
  const { outputText } = ts.transpileModule(example.code, { compilerOptions, fileName: example.file })
  await write(file, outputText)
  return file
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
}
