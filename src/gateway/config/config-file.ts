import { dirname, resolve } from 'node:path'
import { missingOptions } from '../../config/agent-layers.ts'
import { validateSpecs } from '../../config/agent-spec.ts'
import { compileFleetOptions } from '../../config/compiled-fleet.ts'
import type { AgentSpec, FleetOptions } from '../../config/fleet-options.ts'
import { faultsOf } from '../../config/validation.ts'
import { readPlainFile } from '../../io/home/plain-file.ts'
import { errnoOf } from '../../io/host/host-fault.ts'
import { messageOf } from '../../util/messages.ts'
import { faultOfCredentials, type ClusterConfig } from './cluster-config.ts'
import { ConfigFileError } from './config-error.ts'
import { fileSchema, serveSchema, type socketModes } from './config-schema.ts'
import { defaultListen, parseListen, type ListenAddress } from './listen.ts'
import { resolveReferences, type Problem } from './references.ts'
import { wireTexts } from '../schemas/wire-texts.ts'
import type { GatewaySettings } from '../options.ts'
import { fromWire, snakeCase } from '../schemas/wire-names.ts'
import { parseYaml, type YamlDocument } from './yaml-document.ts'

/** Content of a config file, validated, with references replaced. */
export interface ServeConfig {
  listen: ListenAddress
  socketMode: (typeof socketModes)[number]
  /** Options of the fleet, without a logger. */
  fleet: FleetOptions
  agents: AgentSpec[]
  gateway: GatewaySettings
  /** Cluster that the fleet is a host of; a fleet of its own if absent. */
  cluster?: ClusterConfig
}

/** Fields of a config file, with the names of the library. */
interface ConfigFile extends Partial<FleetOptions> {
  /**
   * Address that the daemon listens on: `host:port`, `[::1]:port` or `unix:/path`. Port 0 is a free port.
   *
   * @defaultValue `127.0.0.1:7420`
   */
  listen?: string
  /**
   * Mode of the socket. `0660` lets the group of the daemon connect.
   *
   * @defaultValue `0600`
   */
  socketMode?: ServeConfig['socketMode']
  /**
   * Folder of the agents' homes and of the store; relative to this file.
   *
   * @defaultValue `data`
   */
  dataDir?: string
  /** Agents of the fleet. */
  agents?: AgentSpec[]
  /** Settings of the gateway. */
  gateway?: GatewaySettings
  /** Cluster that the daemon joins as a host; its gateway then serves the agents of the whole cluster. */
  cluster?: ClusterConfig
}

/** Folder of the data, beside the config file, if the file does not name a folder. */
const defaultDataDir = 'data'

/**
 * Reads and validates a config file in YAML or JSON.
 *
 * @param file - path of the file, as messages show it
 * @param env - variables that the file may name
 * @throws ConfigFileError that names file, line and field of every fault
 */
export async function readConfig(
  file: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<ServeConfig> {
  const text = await readText(file)
  const document = parseYaml(text)
  if (Array.isArray(document)) throw new ConfigFileError(file, document)
  const folder = dirname(resolve(file))
  const { value, problems } = resolveReferences(document.value, fileSchema(), { env, folder })
  const faults = [...problems.map(inWords), ...faultsOf(fileSchema(), value, 'option')]
  refuse(file, document, withoutFollowing(faults, problems))
  const given = fromWire(serveSchema(), value) as ConfigFile
  const config = completed(given, folder)
  refuse(file, document, [...faultsOfAgents(config), ...faultsOfCluster(config)])
  return config
}

async function readText(file: string): Promise<string> {
  try {
    const text = await readPlainFile(file)
    if (text === undefined) throw new ConfigFileError(file, [{ message: 'this is not a file' }])
    return text
  } catch (error) {
    if (error instanceof ConfigFileError) throw error
    const code = errnoOf(error)
    const message =
      code === 'ENOENT' ? 'the file does not exist' : `the file cannot be read (${code ?? messageOf(error)})`
    throw new ConfigFileError(file, [{ message }], { cause: error })
  }
}

const inWords = ({ path, message }: Problem): Problem => ({ path, message: `${pathText(path)}: ${message}` })

/** Returns the faults without those of values that are missing only because their reference names nothing. */
function withoutFollowing(faults: readonly Problem[], unresolved: readonly Problem[]): Problem[] {
  const paths = new Set(unresolved.map(({ path }) => pathText(path)))
  return faults.filter((fault, i) => i < unresolved.length || !paths.has(pathText(fault.path)))
}

function refuse(file: string, document: YamlDocument, faults: readonly Problem[]): void {
  if (faults.length === 0) return
  const placed = faults.map(({ path, message }) => ({ message, place: document.placeOf(path) }))
  throw new ConfigFileError(file, placed)
}

function completed(
  { listen, socketMode = '0600', agents = [], gateway = {}, cluster, ...fleet }: ConfigFile,
  folder: string,
): ServeConfig {
  const address = parseListen(listen ?? defaultListen)
  if (address === undefined) throw new TypeError(`${String(listen)} is no address`)
  const dataDir = resolve(folder, fleet.dataDir ?? defaultDataDir)
  const config = { listen: address, socketMode, fleet: { ...fleet, dataDir }, agents, gateway }
  return { ...config, ...(cluster && { cluster }) }
}

/** Returns the faults of agents that only their options and the defaults together show. */
function faultsOfAgents({ fleet, agents }: ServeConfig): Problem[] {
  const compiled = compileFleetOptions(fleet)
  const ids = new Set<string>()
  const faults = agents.flatMap((spec, index): Problem[] => {
    const path = ['agents', index]
    const isRepeated = ids.has(spec.id)
    ids.add(spec.id)
    const missing = missingOptions(compiled, spec).map((name) => ({
      path,
      message: `agent ${spec.id}: \`${name.split('.').map(snakeCase).join('.')}\` is required, here or in \`defaults\``,
    }))
    return isRepeated
      ? [{ path: [...path, 'id'], message: `agent ${spec.id}: another agent has the same id` }]
      : missing
  })
  return faults.length > 0 ? faults : otherFaults(() => void validateSpecs(compiled, agents))
}

/** Returns the faults of credentials that exclude each other. */
function faultsOfCluster({ cluster }: ServeConfig): Problem[] {
  const fault = cluster && faultOfCredentials(cluster)
  return fault === undefined ? [] : [{ path: ['cluster'], message: `cluster: ${wireTexts(fault)}` }]
}

/** Returns the fault that a validation of the fleet itself finds. */
function otherFaults(validate: () => void): Problem[] {
  try {
    validate()
    return []
  } catch (error) {
    return [{ path: ['agents'], message: wireTexts(messageOf(error)) }]
  }
}

/** Returns a path as text: `agents[0].proxy.base_url`. */
const pathText = (path: readonly PropertyKey[]): string =>
  path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`)).join('')
