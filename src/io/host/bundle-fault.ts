import { OpenCodeRuntimeError } from '../../errors.ts'
import { bundleAdvice, isBundled } from '../../own-package.ts'
import { firstLine, messageOf } from '../../util/messages.ts'
import { isHostFault } from './host-fault.ts'

/**
 * Returns the failure of a load as an error that names the bundle as the cause; unchanged outside a bundle.
 * Some bundlers give ES modules no `require`, and others load a package's optional modules, which this Node
 * may lack.
 */
export function asBundleFault(thrown: unknown, what: string): unknown {
  if (!isBundled() || thrown instanceof OpenCodeRuntimeError || isHostFault(thrown)) return thrown
  const message = `${what}: ${firstLine(messageOf(thrown))}. ${bundleAdvice}.`
  return new OpenCodeRuntimeError(message, { cause: thrown })
}

/**
 * Returns a defect of the code, such as a call of a value that is no function, as {@link asBundleFault} does.
 * A bundler that converts a package's default export causes such defects. Returns any other thrown value
 * unchanged.
 */
export const asBundleDefect = (thrown: unknown, what: string): unknown =>
  thrown instanceof TypeError || thrown instanceof ReferenceError ? asBundleFault(thrown, what) : thrown
