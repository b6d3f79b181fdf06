import { loadModule } from '../host/load-module.ts'

/**
 * Loads execa when it is first needed.
 *
 * @remarks execa is loaded by its name, and imported by no module of this package. Under a loader such as tsx,
 * `require` cannot load execa, and an `import()` of a module that imports execa would make a second copy of
 * this package's classes.
 * @throws HostFaultError if the module cannot be read at the moment
 */
export const loadExeca = () => loadModule('execa', () => import('execa'))
