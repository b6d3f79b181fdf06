import { ConfigFileError } from '../../gateway/config/config-error.ts'
import { readConfig, type ServeConfig } from '../../gateway/config/config-file.ts'
import { configJsonSchema } from '../../gateway/config/json-schema.ts'
import { addressText } from '../../gateway/config/listen.ts'
import { ownFile } from '../../own-package.ts'
import { messageOf } from '../../util/messages.ts'
import { exitCode, UsageError } from '../exit-codes.ts'
import type { ServeFlags } from '../flags.ts'
import type { Std } from '../std.ts'
import { overridden } from './overridden.ts'

/**
 * Runs `opencode-runtime serve`. Resolves with the exit code when nothing of the daemon is left.
 *
 * @throws UsageError for bad flags, or a bad config file
 */
export async function serve(flags: ServeFlags, std: Std): Promise<number> {
  std.content = 'the output'
  if (flags.printSchema === true) {
    // The file has the descriptions of the fields, too.
    const schema = ownFile('schema/fleet.schema.json') ?? JSON.stringify(configJsonSchema(), null, 2)
    await std.out.write(`${schema.trim()}\n`)
    return exitCode.final
  }
  if (flags.demo === true) {
    const { serveDemo } = await import('./demo.ts')
    return serveDemo(flags, std)
  }
  const read = configReader(flags)
  const config = await read().catch(asUsageError)
  if (flags.check === true) return check(config, flags, std)
  const { runDaemon } = await import('./run-daemon.ts')
  return runDaemon({ read, config }, flags, std)
}

/** Returns a function that reads the config file, with the flags that override the file. */
function configReader(flags: ServeFlags): () => Promise<ServeConfig> {
  const file = flags.config
  if (file === undefined)
    throw new UsageError('--config is missing: name the config file, or see two agents with --demo')
  return async () => overridden(await readConfig(file), flags)
}

/** Throws the faults of a config file as an error of usage. */
function asUsageError(error: unknown): never {
  if (!(error instanceof ConfigFileError)) throw error
  const { length } = error.faults
  throw new UsageError(length === 1 ? error.message : `${length} faults in the config file\n${error.message}`)
}

/** Tells whether a daemon could start on a config without faults. Resolves with the exit code. */
async function check(config: ServeConfig, flags: ServeFlags, std: Std): Promise<number> {
  const missing = await missingPackages(config)
  if (missing.length === 0) await std.out.write(`${summary(config, flags)}\n`)
  for (const message of missing) await std.err.write(`error: ${message}\n`)
  return missing.length === 0 ? exitCode.final : exitCode.serverFailed
}

/** Returns what to install for a config. */
async function missingPackages({ cluster }: ServeConfig): Promise<string[]> {
  const { loadLibsql } = await import('../../gateway/log/libsql.ts')
  const { requirePackages } = await import('../../cluster/store/open-store.ts')
  const loads = [loadLibsql(), ...(cluster ? [requirePackages()] : [])]
  return (await Promise.allSettled(loads)).flatMap((load) =>
    load.status === 'rejected' ? messageOf(load.reason) : [],
  )
}

function summary({ agents, listen, fleet }: ServeConfig, { config: file = '' }: ServeFlags): string {
  const count = `${agents.length} ${agents.length === 1 ? 'agent' : 'agents'}`
  return `${file}: no faults; ${count}, listens on ${addressText(listen)}, data in ${fleet.dataDir}`
}
