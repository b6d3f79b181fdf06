import { HostFaultError } from '../../errors.ts'
import { ownRequire, requireFrom } from '../../own-package.ts'
import { firstLine, messageOf } from '../../util/messages.ts'
import { asBundleFault } from './bundle-fault.ts'
import { requireDescriptors } from './descriptors.ts'
import { asHostFault, isHostFault } from './host-fault.ts'

/**
 * Descriptors that an `import()` may need at the same time: execa's modules take between 40 and 64 (Node
 * 20.20). `require` reads one file after another and needs one descriptor.
 */
const forImport = 64
const forRequire = 1

const notLoaded = 'A module could not be loaded'

const loaded = new Map<string, unknown>()

/**
 * Loads a module when it is first needed, so that a failed load can be retried. Node 20 and 22 remember a
 * failed `import()`, and each failed import inside it, for the life of the process. `require` remembers no
 * failure; since Node 20.19 it takes ES modules and returns the same instances as `import()`.
 * @param specifier - a package, or a module beside the built file of this function
 * @param load - imports the same module where `require` cannot: in TypeScript sources, in a bundle, or
 *   without the feature
 * @throws HostFaultError if the module cannot be read at the moment, or a part of it is missing
 */
export async function loadModule<T>(specifier: string, load: () => Promise<T>): Promise<T> {
  if (!loaded.has(specifier)) loaded.set(specifier, await loadNow(specifier, load))
  return loaded.get(specifier) as T
}

async function loadNow(specifier: string, load: () => Promise<unknown>): Promise<unknown> {
  const require = requireFor(specifier)
  requireDescriptors(notLoaded, require ? forRequire : forImport)
  try {
    if (require && (!specifier.startsWith('./') || isSameCopy(require))) return require(specifier) as unknown
  } catch (error) {
    if (!isBeyondRequire(error)) throw asLoadFault(error)
  }
  return load().catch((error: unknown) => {
    throw asLoadFault(error)
  })
}

/**
 * Returns whether a `require` gives the modules of this package that run already. A loader such as tsx makes a
 * copy of each ES module that is required, and the classes of the copy are other classes.
 */
const isSameCopy = (require: NodeJS.Require): boolean =>
  (require(mainFile) as { HostFaultError?: unknown }).HostFaultError === HostFaultError

/** Main file of the built package, beside the built file of this module. */
const mainFile = './index.js'

/**
 * Returns a `require` that finds the specifier; `undefined` if there is none, as in a bundle that contains
 * the module itself. A bundle's `require` could find another module with the same name.
 */
function requireFor(specifier: string): NodeJS.Require | undefined {
  const require = ownRequire()
  try {
    require?.resolve(specifier)
    return require
  } catch {
    return undefined
  }
}

/**
 * Returns whether `require` cannot load a module: the module has a top-level await, is being imported, or the
 * feature is off. A loader such as tsx resolves each `import` below a `require` as a `require`, for which a
 * package of ES modules exports nothing.
 */
const isBeyondRequire = (error: unknown): boolean =>
  /^ERR_REQUIRE_|^ERR_PACKAGE_PATH_NOT_EXPORTED$/.test(String((error as { code?: unknown }).code))

/**
 * Returns the error of a failed load as a HostFaultError if it may pass. A missing or torn file is whole
 * again when the update of the packages has ended. In a bundle the bundle is the cause.
 */
function asLoadFault(error: unknown): unknown {
  const fault = asBundleFault(error, notLoaded)
  if (fault !== error) return fault
  const { code } = error as { code?: unknown }
  const isTorn = error instanceof SyntaxError
  const isMissing = typeof code === 'string' && /MODULE_NOT_FOUND$|^ENOENT$|^ERR_PACKAGE_PATH/.test(code)
  if (!isTorn && !isMissing) return asHostFault(error, notLoaded)
  const errno = typeof code === 'string' ? code : 'unreadable'
  return new HostFaultError(`${notLoaded}: ${firstLine(messageOf(error))}`, { errno }, { cause: error })
}

/**
 * Loads a module that a file of a package requires later; does nothing if there is no such file.
 * @param from - the file; Node finds the loaded module again, without a look-up, only for a `require` from
 *   this file
 * @param request - the argument of that file's `require`, word for word
 * @throws HostFaultError if the module cannot be read at the moment
 */
export function loadAhead(from: string, request: string): void {
  try {
    const file = requireFor(from)?.resolve(from)
    if (file !== undefined) requireFrom(file)(request)
  } catch (error) {
    // A missing module is no error: another version of the package may not need it.
    if (isHostFault(error)) throw asHostFault(error, notLoaded)
  }
}
