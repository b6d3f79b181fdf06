import { z } from 'zod'
import type { AgentSpec } from '../../config/fleet-options.ts'
import { agentSchema } from '../../config/fleet-schema.ts'
import { lazily, parse } from '../../config/validation.ts'
import { named } from './named.ts'
import { fromWire, leavesOf, toWire, wireSchema } from './wire-names.ts'

/** Fields of a spec on the wire. */
export const specFields = lazily(
  () => (wireSchema(agentSchema()) as z.ZodObject<Record<string, z.ZodType>>).shape,
)

const anyObject = 'expected an object'

/** Spec of an agent. */
export const specSchema = named('AgentSpec', () => z.strictObject(specFields(), anyObject))

/** Status in an answer, which a request may send back unchanged. */
const status = lazily(() => z.unknown().meta({ description: 'Ignored', readOnly: true }).optional())

/** Spec in the body of a request to its own path, which names the agent already. */
export const putBody = named('AgentPut', () => {
  const { id, ...fields } = specFields()
  return z.strictObject({ id: id?.optional() ?? z.never(), ...fields, status: status() }, anyObject)
})

/**
 * Changes of a spec: a JSON merge patch (RFC 7396). The names are checked here, because a patch may also remove fields;
 * the values are checked when the patch is merged.
 */
export const patchBody = named('AgentPatch', () =>
  z.strictObject({ ...patchFields(specFields()), status: status() }, anyObject),
)

const patchFields = (shape: Readonly<Record<string, z.core.$ZodType>>): Record<string, z.ZodType> =>
  Object.fromEntries(Object.entries(shape).map(([name, schema]) => [name, patchField(schema).optional()]))

/** Returns the schema of a field's change: the names of an object's fields are known, any other value is free. */
function patchField(schema: z.core.$ZodType): z.ZodType {
  const [shape, ...others] = leavesOf(schema).map((leaf) => leaf.shape)
  return shape && others.length === 0 ? z.strictObject(patchFields(shape), anyObject).nullable() : z.unknown()
}

/** Specs that are declared together. */
export const applyBody = named('AgentsPut', () => {
  const spec = z.strictObject({ ...specFields(), status: status() }, anyObject)
  return z.strictObject(
    { agents: z.array(spec, 'expected a list of agents') },
    'expected an object with agents',
  )
})

/** Returns the spec of what the wire has. */
export const specFromWire = ({ status: _status, ...fields }: Readonly<Record<string, unknown>>): AgentSpec =>
  fromWire(agentSchema(), fields) as AgentSpec

/** Returns a spec as the wire has it. */
export const specToWire = (spec: object): Record<string, unknown> =>
  toWire(agentSchema(), spec) as Record<string, unknown>

/**
 * Checks a spec of the wire.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names the field as on the wire
 */
export const checkWireSpec = (spec: unknown): void => void parse(specSchema, spec, 'field')
