import { BinaryNotFoundError } from '../../errors.ts'
import { locateBinary, type FoundBinary } from '../../io/opencode/binary.ts'
import { askVersion } from '../../io/opencode/binary-version.ts'
import { judgeVersion, oldestSupported, tested } from '../../io/opencode/versions.ts'
import type { Check, DoctorContext } from './context.ts'
import { failure, ok, quote, skipped, warning, type Finding } from './finding.ts'

const why: Record<FoundBinary['source'], string> = {
  option: 'given by --binary',
  package: 'of the installed package opencode-ai',
  PATH: 'no package opencode-ai; the first on PATH',
  installer: 'no package opencode-ai, not on PATH; found where the official installer puts it',
}

/** Reports the binary that a server would run, and whether its version is known to work. */
export const checkBinary: Check = async (context) => {
  const found = await locate(context)
  if (!('file' in found)) return [found, skipped('version', 'no binary was found')]
  const { file, source, stub } = found
  const stands = stub === undefined ? '' : `; used instead of the package's stub ${stub}, which cannot run`
  return [ok('binary', `${file} (${why[source]}${stands})`), await version(file, context)]
}

async function locate({ binary, lookup }: DoctorContext): Promise<FoundBinary | Finding> {
  try {
    return await locateBinary(binary, lookup)
  } catch (error) {
    if (!(error instanceof BinaryNotFoundError)) throw error
    // The command line names the flag instead of the option, and gives the advice separately.
    const text = error.message
      .replace(' Run `npm install opencode-ai`, or set the option `binary`.', '')
      .replace(/^The option `binary`/, '--binary')
    return failure('binary', text, adviceFor(text))
  }
}

function adviceFor(text: string): string {
  if (text.includes('stub'))
    return 'Install the package again without --omit=optional (npm install opencode-ai), or give another --binary.'
  if (text.includes('--binary names'))
    return 'Give an executable opencode, or leave --binary out to search for one.'
  return 'Run npm install opencode-ai, or give --binary.'
}

async function version(file: string, { signal, secrets }: DoctorContext): Promise<Finding> {
  const answer = await askVersion(file, signal)
  if ('failure' in answer)
    return failure(
      'version',
      `${file} --version ${quote(answer.failure, secrets)}`,
      'Run that command by hand. If the binary is for another platform or lacks libraries, run npm install opencode-ai.',
    )
  return versionFinding(quote(answer.version, secrets))
}

/** Returns the finding about a version that a binary printed. */
export function versionFinding(version: string): Finding {
  const range = tested.from === tested.to ? tested.to : `${tested.from} to ${tested.to}`
  switch (judgeVersion(version)) {
    case 'supported':
      return ok('version', `opencode ${version}`)
    case 'untested':
      return warning(
        'version',
        `opencode ${version} was not tested (tested: ${range})`,
        `This version may work. For a tested version, run npm install opencode-ai@${tested.to}.`,
      )
    case 'unsupported':
      return failure(
        'version',
        `opencode ${version} is older than ${oldestSupported}, the oldest supported version`,
        `Run npm install opencode-ai@${tested.to}, or opencode upgrade.`,
      )
    case 'unknown':
      return warning('version', `the version ${version} cannot be read`, `Use opencode ${range}.`)
  }
}
