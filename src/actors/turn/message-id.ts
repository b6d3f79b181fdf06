let counter = 0

/**
 * Returns a new message id in opencode's form: 48 bits of time and counter, so that ids sort by age, then
 * random characters. Each id is unique, because the server's database accepts each id once.
 *
 * @remarks Observed in opencode.
 */
export function newMessageId(): string {
  counter = (counter + 1) % 4096
  const time = (BigInt(Date.now()) * 4096n + BigInt(counter)) & 0xffff_ffff_ffffn
  const random = [...crypto.getRandomValues(new Uint8Array(14))].map((byte) => base62[byte % 62]).join('')
  return `msg_${time.toString(16).padStart(12, '0')}${random}`
}

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
