import { createRequire } from 'node:module'
import { HostFaultError } from '../../errors.ts'
import { firstLine, messageOf } from '../../util/messages.ts'
import { requireDescriptors } from './descriptors.ts'
import { asHostFault, isHostFault } from './host-fault.ts'

/**
 * More than an `import()` opens at once: execa's graph takes between 40 and 64 (Node 20.20).
 * `require` reads one file after the other, and needs one.
 */
const forImport = 64
const forRequire = 1

const notLoaded = 'A module could not be loaded'

const loaded = new Map<string, unknown>()

/**
 * Loads a module when it is first needed, such that a failure is forgotten: Node 20 and 22 remember a failed `import()`, and
 * each failed import within, for as long as the process lives. `require` remembers none; it takes ES modules since Node
 * 20.19 and gives the same instances as `import()`.
 * @param specifier - a package, or a module beside the built file of this function
 * @param load - imports the same module; for where `require` cannot: in TypeScript sources, in a bundle, without the feature
 * @throws HostFaultError where the module cannot be read at the moment, or a part of it is missing.
 */
export async function loadModule<T>(specifier: string, load: () => Promise<T>): Promise<T> {
  if (!loaded.has(specifier)) loaded.set(specifier, await loadNow(specifier, load))
  return loaded.get(specifier) as T
}

async function loadNow(specifier: string, load: () => Promise<unknown>): Promise<unknown> {
  const require = requireFor(specifier)
  requireDescriptors(notLoaded, require ? forRequire : forImport)
  try {
    return require ? (require(specifier) as unknown) : await load()
  } catch (error) {
    if (!require || !isBeyondRequire(error)) throw asLoadFault(error)
  }
  return load().catch((error: unknown) => {
    throw asLoadFault(error)
  })
}

/** Returns a `require` that finds the specifier; `undefined` where there is none, as in a bundle that holds the module itself. */
function requireFor(specifier: string): NodeJS.Require | undefined {
  // A loader runs TypeScript sources, and `require` would go around it; a bundle of CommonJS has no `import.meta`.
  const here = (import.meta as Partial<ImportMeta>).url
  if (here?.endsWith('.js') !== true) return undefined
  try {
    const require = createRequire(here)
    require.resolve(specifier)
    return require
  } catch {
    return undefined
  }
}

/** Whether `require` takes no such module: it awaits at its top level, is being imported, or the feature is off. */
const isBeyondRequire = (error: unknown): boolean =>
  String((error as { code?: unknown }).code).startsWith('ERR_REQUIRE_')

/** A file that is missing or torn is there again once the update of the packages has ended. */
function asLoadFault(error: unknown): unknown {
  const { code } = error as { code?: unknown }
  const isTorn = error instanceof SyntaxError
  const isMissing = typeof code === 'string' && /MODULE_NOT_FOUND$|^ENOENT$|^ERR_PACKAGE_PATH/.test(code)
  if (!isTorn && !isMissing) return asHostFault(error, notLoaded)
  const errno = typeof code === 'string' ? code : 'unreadable'
  return new HostFaultError(`${notLoaded}: ${firstLine(messageOf(error))}`, { errno }, { cause: error })
}

/**
 * Loads ahead of time what a file of a package requires later; nothing where there is none.
 * @param from - the file; a later `require` finds what it asked for before, and looks for nothing, from there only
 * @param request - what that file requires, word for word
 * @throws HostFaultError where it cannot be read at the moment.
 */
export function loadAhead(from: string, request: string): void {
  try {
    const file = requireFor(from)?.resolve(from)
    if (file !== undefined) createRequire(file)(request)
  } catch (error) {
    // What is not there, another version of the package may not need.
    if (isHostFault(error)) throw asHostFault(error, notLoaded)
  }
}
