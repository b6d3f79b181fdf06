/** Type of the official client for a program that has not installed `@opencode-ai/sdk`: see `imports` of package.json. */
export type OpencodeClient = unknown
