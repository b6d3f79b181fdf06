import { turnInputSchema } from '../../api/turn-input.ts'
import { fleetSchema } from '../../config/fleet-schema.ts'
import { lazily } from '../../config/validation.ts'
import { serveSchema } from '../config/config-schema.ts'
import { fieldNames, snakeCase } from './wire-names.ts'

const optionNames = lazily(
  () => new Set([serveSchema(), fleetSchema(), turnInputSchema()].flatMap(fieldNames)),
)

/** Quoted texts and paths, which stay as they are, and words. */
const parts = /"[^"]*"|(?<![\w.])\/[^\s"']+|\b[a-z]\w*\b/g

/** Returns a message of the library with its names of options as the wire and the config file have them. */
export const wireTexts = (message: string): string =>
  message.replace(parts, (part) => (optionNames().has(part) ? snakeCase(part) : part))
