import type { ServeConfig } from '../../gateway/config/config-file.ts'
import { addressText, expectedListen, isLocal, parseListen } from '../../gateway/config/listen.ts'
import { UsageError } from '../exit-codes.ts'
import type { ServeFlags } from '../flags.ts'

/**
 * Returns a config with the flags of the command line in it.
 *
 * @throws UsageError for an address that cannot be read, or that is too open for `--insecure-no-auth`
 */
export function overridden(config: ServeConfig, flags: ServeFlags): ServeConfig {
  const address = flags.listen === undefined ? config.listen : parseListen(flags.listen)
  if (address === undefined) throw new UsageError(`--listen ${flags.listen ?? ''}: ${expectedListen}`)
  const socketMode = flags.socketMode ?? config.socketMode
  const isPrivate = isLocal(address) && !('path' in address && socketMode !== '0600')
  if (flags.insecureNoAuth === true && !isPrivate)
    throw new UsageError(
      `--insecure-no-auth is refused for ${addressText(address)}, which others can reach: listen on 127.0.0.1 or on unix:/path with the mode 0600, or use tokens`,
    )
  return { ...config, listen: address, socketMode }
}
