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
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality)
  for (const { type } of wanted) {
    const found = type === '*/*' ? types[0] : types.find((each) => each === type)
    if (found !== undefined) return found
  }
  return types[0]
}
