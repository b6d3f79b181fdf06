/** Result of a Standard Schema's validation: the value, or the issues. */
export type StandardResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly StandardIssue[] }

/** Reason why a value does not fit a Standard Schema. */
export interface StandardIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/**
 * Schema of a library that implements Standard Schema and Standard JSON Schema (standardschema.dev), such as
 * zod 4.2 and newer.
 */
export interface StandardSchema<Output = unknown> {
  /** Properties of the standard; the schema library fills them in. */
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
    readonly jsonSchema: {
      readonly input: (options: {
        readonly target: 'draft-2020-12' | 'draft-07'
      }) => Readonly<Record<string, unknown>>
    }
  }
}

/**
 * JSON Schema as a plain object: a literal, or an object of a type without an index, such as `JSONSchema7`. The
 * value's type is unknown to TypeScript.
 */
export type JSONSchemaObject = (Readonly<Record<string, unknown>> | object) & { readonly '~standard'?: never }

/** Schema of an object: a Standard Schema that gives JSON Schema, or a plain JSON Schema. */
export type ObjectSchema = StandardSchema | JSONSchemaObject

/** Type of the values that a schema returns; `unknown` for a plain JSON Schema. */
export type InferOutput<S> = S extends { readonly '~standard': { readonly types?: infer Types } }
  ? NonNullable<Types> extends { readonly output: infer Output }
    ? Output
    : unknown
  : unknown
