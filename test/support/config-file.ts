import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { readConfig } from '../../src/gateway/config/config-file.ts'

/** Creates a folder with files, which is removed when the test finishes. Returns the folder. */
export function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'serve-config-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

/** Reads the text of a config file; `files` lie beside it. */
export function configOf(
  text: string,
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
) {
  const folder = folderWith({ 'fleet.yaml': text, ...files })
  return readConfig(join(folder, 'fleet.yaml'), env)
}

/** Returns the message about a bad config file, without the folder. */
export async function messageAbout(...of: Parameters<typeof configOf>): Promise<string> {
  const error: unknown = await configOf(...of).catch((thrown: unknown) => thrown)
  return error instanceof Error ? error.message.replaceAll(/\/\S*?serve-config-\w+\//g, '') : 'no error'
}
