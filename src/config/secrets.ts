/**
 * Masks known secrets in texts: the proxy's key, the server's password, and texts derived from them. Values
 * shorter than four characters are not masked, because masking them would garble every text.
 */
export class Secrets {
  readonly #lasting = new Set<string>()
  /** Forms of each passing secret. */
  readonly #passing: string[][] = []
  /** All forms to mask, longest first, because a secret may begin with another secret. */
  #values: string[] = []

  constructor(values: readonly (string | false | undefined)[] = []) {
    for (const value of values) this.add(value)
  }

  /**
   * Length of the longest form of a secret. A text that was cut in two may end with a shorter beginning of a
   * secret.
   */
  get longest(): number {
    return this.#values[0]?.length ?? 0
  }

  /**
   * Adds a secret, in plain text and in the forms of base64, URLs and JSON. Each line of a secret with
   * several lines is added.
   */
  add(value: string | false | undefined): void {
    if (typeof value !== 'string') return
    for (const form of allFormsOf(value)) this.#lasting.add(form)
    this.#order()
  }

  /**
   * Adds a secret that later secrets replace, such as the password of a spawn. Only the last 16 of these
   * secrets are masked, so that months of restarts do not slow down the masking of each line.
   */
  addPassing(value: string): void {
    this.#passing.push(allFormsOf(value))
    if (this.#passing.length > keptPassing) this.#passing.shift()
    this.#order()
  }

  #order(): void {
    const all = new Set([...this.#lasting, ...this.#passing.flat()])
    this.#values = [...all].sort((a, b) => b.length - a.length)
  }

  /** Returns the text with every secret replaced by `***`. */
  mask(text: string): string {
    let masked = text
    for (const value of this.#values) if (masked.includes(value)) masked = masked.replaceAll(value, '***')
    return masked
  }
}

const shortest = 4
const keptPassing = 16

const allFormsOf = (value: string): string[] => value.split(/[\r\n]+/).flatMap(formsOf)

function formsOf(value: string): string[] {
  if (value.length < shortest) return []
  const base64 = [0, 1, 2].map((offset) => base64Within(value, offset))
  const base64url = base64.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'))
  return [value, ...inURL(value), JSON.stringify(value).slice(1, -1), ...base64, ...base64url]
}

/**
 * Returns the forms of a value in a path, in a form or query, and in a whole URL, with percent codes in upper
 * and lower case.
 */
function inURL(value: string): string[] {
  // The buffer replaces half surrogate pairs, which cannot be encoded.
  const text = Buffer.from(value).toString()
  const forms = [
    encodeURIComponent(text),
    new URLSearchParams({ '': text }).toString().slice(1),
    encodeURI(text),
  ]
  return [...forms, ...forms.map((form) => form.replace(/%../g, (code) => code.toLowerCase()))]
}

/**
 * Returns the base64 characters that a value alone determines when the value starts `offset` bytes into a
 * text (`user:password`).
 */
function base64Within(value: string, offset: number): string {
  const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)])
  const from = offset === 0 ? 0 : offset + 1
  return bytes.toString('base64').slice(from, Math.floor((bytes.length * 8) / 6))
}
