/**
 * Masks known secrets in texts: the proxy's key, the server's password, and what is derived from them.
 * Values shorter than four characters are left alone: masking them would garble every text.
 */
export class Secrets {
  readonly #values = new Set<string>()

  constructor(values: readonly (string | false | undefined)[] = []) {
    for (const value of values) this.add(value)
  }

  /** Adds a secret, in clear and as base64 and URL encoding write it. */
  add(value: string | false | undefined): void {
    if (typeof value !== 'string' || value.length < 4) return
    for (const form of [value, Buffer.from(value).toString('base64'), encodeURIComponent(value)])
      this.#values.add(form)
  }

  /** The text with every secret replaced by `***`. */
  mask(text: string): string {
    let masked = text
    for (const value of this.#values) if (masked.includes(value)) masked = masked.replaceAll(value, '***')
    return masked
  }
}
