import { ConfigFileError } from '../../gateway/config/config-error.ts'
import { readConfig, type ServeConfig } from '../../gateway/config/config-file.ts'
import { configJsonSchema } from '../../gateway/config/json-schema.ts'
import { addressText } from '../../gateway/config/listen.ts'
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
    await std.out.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`)
    return exitCode.final
  }
  if (flags.demo === true) {
    const { serveDemo } = await import('./demo.ts')
    return serveDemo(flags, std)
  }
  const read = configReader(flags)
  const config = await read().catch(asUsageError)
  if (flags.check === true) {
    await std.out.write(`${summary(config, flags)}\n`)
    return exitCode.final
  }
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

function summary({ agents, listen, fleet }: ServeConfig, { config: file = '' }: ServeFlags): string {
  const count = `${agents.length} ${agents.length === 1 ? 'agent' : 'agents'}`
  return `${file}: no faults; ${count}, listens on ${addressText(listen)}, data in ${fleet.dataDir}`
}
