/**
 * Returns the media type that a client wants most, among those that a route gives. The first type is the one for a
 * client that wants any, or another one.
 *
 * @param accept - header Accept of the request
 */
export function preferredType<const T extends string>(accept: string | null, types: readonly [T, ...T[]]): T {
  const wanted = (accept ?? '')
    .split(',')
    .map((part) => {
      const [type = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase())
      const quality = parameters.find((parameter) => parameter.startsWith('q='))
      return { type, quality: quality === undefined ? 1 : Number(quality.slice(2)) }
    })
    .sort((a, b) => b.quality - a.quality)
  const unwanted = new Set(wanted.filter(({ quality }) => quality === 0).map(({ type }) => type))
  for (const { type, quality } of wanted) {
    const found = types.find((each) => matches(type, each) && !unwanted.has(each))
    if (found !== undefined && quality > 0) return found
  }
  return types[0]
}

/** Returns whether a media type is the wanted one, or one of the wanted ones (`text/*`). */
const matches = (wanted: string, type: string): boolean =>
  wanted === '*/*' || wanted === type || (wanted.endsWith('/*') && type.startsWith(wanted.slice(0, -1)))
