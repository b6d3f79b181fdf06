// Fails if files of `src` import each other in a circle: of values always, of types unless the import that closes
// the circle is listed, with a reason, in cycles/known.mjs.
import { faultsOf, importsOf } from './cycles/circles.mjs'
import { knownTypeImports } from './cycles/known.mjs'

const imports = await importsOf('src')
if (imports.length === 0) throw new Error('no imports found in src')
const faults = faultsOf(imports, knownTypeImports)
for (const fault of faults) console.error(fault)
process.exitCode = faults.length > 0 ? 1 : 0
