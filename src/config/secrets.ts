/**
 * Masks known secrets in texts: the proxy's key, the server's password, and what is derived from them.
 * Values shorter than four characters are left alone: masking them would garble every text.
 */
export class Secrets {
  readonly #lasting = new Set<string>()
  /** The forms of each. */
  readonly #passing: string[][] = []
  /** Longest first: a secret may begin with another. */
  #values: string[] = []

  constructor(values: readonly (string | false | undefined)[] = []) {
    for (const value of values) this.add(value)
  }

  /** How long the longest form of a secret is; a text cut in two may hold the beginning of one less than that. */
  get longest(): number {
    return this.#values[0]?.length ?? 0
  }

  /** Adds a secret, in clear and as base64, URLs and JSON write it; of one with several lines, each line. */
  add(value: string | false | undefined): void {
    if (typeof value !== 'string') return
    for (const form of allFormsOf(value)) this.#lasting.add(form)
    this.#order()
  }

  /**
   * Adds a secret that others will follow, such as the password of one spawn: only the last 16 of them are masked, so that
   * a server that is started again for months does not make each line slower to mask.
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

  /** The text with every secret replaced by `***`. */
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

/** As a path has it, as a form or query has it, and as a whole URL has it; their codes in either case. */
function inURL(value: string): string[] {
  // Through a buffer, since half a surrogate pair cannot be encoded.
  const text = Buffer.from(value).toString()
  const forms = [
    encodeURIComponent(text),
    new URLSearchParams({ '': text }).toString().slice(1),
    encodeURI(text),
  ]
  return [...forms, ...forms.map((form) => form.replace(/%../g, (code) => code.toLowerCase()))]
}

/** What base64 makes of a value that stands `offset` bytes into a text (`user:password`): the characters that are its own. */
function base64Within(value: string, offset: number): string {
  const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)])
  const from = offset === 0 ? 0 : offset + 1
  return bytes.toString('base64').slice(from, Math.floor((bytes.length * 8) / 6))
}
