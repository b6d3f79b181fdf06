// Prompts that came to a fake opencode.

/**
 * Counts the prompts by their turns: a prompt of a run names its turn as `#t1`.
 * @param {import('../../dist/testing/index.js').FakeOpenCode} fake
 * @returns {Map<string, number>}
 */
export function promptsOf({ requests }) {
  const counts = new Map()
  for (const { url, body } of requests) {
    if (!url.includes('/prompt_async')) continue
    const [, name] = / #(t\d+)"/.exec(JSON.stringify(body)) ?? []
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}
