import { z } from 'zod'
import { lazily, parse } from '../../config/validation.ts'
import { requirePlainValues } from './plain-values.ts'
import { badRequest, ProblemError } from './problem.ts'
import type { Parameters, RouteBody } from './route.ts'

/** Function that reads the parameters of a path or of a query. */
type ParameterReader = (given: Readonly<Record<string, string>>) => Record<string, unknown>

/**
 * Returns a reader of the parameters of a path or of a query. A text is read as the kind that its schema wants. The
 * reader throws an InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names a bad parameter.
 */
export function parameterReader(schemas: Parameters = {}): ParameterReader {
  const schema = lazily(() => z.strictObject(schemas))
  return (given) => {
    const values = Object.entries(given).map(([name, text]) => [name, valueOf(schemas[name], text)] as const)
    return parse(schema, Object.fromEntries(values), 'field')
  }
}

/** Returns the parameters of a query, each at most once. */
export function queryOf(url: URL): Record<string, string> {
  const names = [...url.searchParams.keys()]
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw badRequest(`Invalid field ${twice}: expected the parameter only once`, twice)
  return Object.fromEntries(url.searchParams)
}

function valueOf(schema: z.ZodType | undefined, text: string): unknown {
  const kind = schema && kindOf(schema)
  if (kind === 'number' && /^-?\d+(\.\d+)?$/.test(text)) return Number(text)
  if (kind === 'boolean' && /^(true|false)$/.test(text)) return text === 'true'
  return text
}

/** Returns the kind of the values of a schema, without its wrappers. */
function kindOf(schema: z.core.$ZodType): string {
  const { type, innerType } = schema._zod.def as { type: string; innerType?: z.core.$ZodType }
  return innerType ? kindOf(innerType) : type
}

/**
 * Reads the body of a request.
 *
 * @throws ProblemError 413, 415, or 400 for a text that is no JSON
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names the field
 */
export async function readBody<B extends z.ZodType>(
  request: Request,
  { schema, isOptional = false, types = ['application/json'] }: RouteBody<B>,
  maxBytes: number,
): Promise<z.output<B>> {
  requireUncompressed(request.headers)
  const text = await readText(request, maxBytes)
  if (text === '' && isOptional) return parse(schema, {}, 'field')
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (!types.includes(type)) throw wrongType(type, types)
  const body = jsonOf(text)
  requirePlainValues(body)
  return parse(schema, body, 'field')
}

/** Returns the text of a body with bounded size. */
async function readText(request: Request, maxBytes: number): Promise<string> {
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) throw tooLarge(maxBytes)
  const chunks = await readChunks(request, maxBytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch {
    throw badRequest('Invalid body: expected JSON in UTF-8')
  }
}

async function readChunks({ body }: Request, maxBytes: number): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength
      if (size > maxBytes) break
      chunks.push(chunk)
    }
  } catch {
    // The connection has ended, so that no client reads the answer.
    throw badRequest('Invalid body: expected the whole body')
  }
  if (size > maxBytes) throw tooLarge(maxBytes)
  return chunks
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The message of the parser may show a part of the body, which may hold a key.
    throw badRequest(text === '' ? 'The request needs a body: send JSON' : 'Invalid body: expected JSON')
  }
}

/** Refuses a compressed body: its size would not be bounded. */
function requireUncompressed(headers: Headers): void {
  const encoding = headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity'
  if (encoding === 'identity') return
  throw unsupported('The body is compressed: send the body without Content-Encoding')
}

const tooLarge = (maxBytes: number): ProblemError =>
  new ProblemError({
    status: 413,
    code: 'ERR_OPENCODE_TOO_LARGE',
    detail: `The body is too large: send at most ${maxBytes} bytes`,
  })

const wrongType = (given: string, types: readonly string[]): ProblemError =>
  unsupported(
    `The body has ${given === '' ? 'no media type' : 'another media type'}: send Content-Type: ${types.join(' or ')}`,
  )

const unsupported = (detail: string): ProblemError =>
  new ProblemError({ status: 415, code: 'ERR_OPENCODE_UNSUPPORTED_MEDIA_TYPE', detail })
