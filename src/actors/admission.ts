import { refuseProjectCode } from '../io/project-code.ts'
import { secretOptions, type CompiledOptions } from '../compiled-options.ts'

/** Resolves for a directory that may be worked in; rejects with `InvalidOptionsError` for one that may not. */
export type Admission = (directory: string | undefined) => Promise<void>

/**
 * Admits directories whose projects run no code of their own in the server; all of them where the option
 * `trustProjectConfig` is set. `what` names the input in the error.
 */
export function admission(options: CompiledOptions, what: string): Admission {
  const { home, trustProjectConfig } = options.values
  return async (directory) => {
    if (trustProjectConfig || directory === undefined) return
    await refuseProjectCode(what, directory, { home, env: secretOptions(options).env })
  }
}
