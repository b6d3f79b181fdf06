import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname } from 'node:path'
import { onTestFinished } from 'vitest'
import { contextOf, type Check, type DoctorContext } from '../../src/cli/doctor/context.ts'
import { presentable, type Finding } from '../../src/cli/doctor/finding.ts'
import type { DoctorFlags } from '../../src/cli/flags.ts'

/** Key in the environment of the checks. */
export const doctorKey = 'sk-doctor-0123456789'

/** Name that no resolver is asked for, because its first label has a letter too many. */
export const unresolvable = `${'a'.repeat(64)}.invalid`

/** Returns the context of a check for the given flags and environment; `over` replaces facts of the machine. */
export function doctorContext(
  flags: DoctorFlags = {},
  { env = { OPENCODE_RUNTIME_API_KEY: doctorKey }, ...over }: Partial<DoctorContext> = {},
): DoctorContext {
  const context = contextOf(flags, env, new AbortController().signal)
  return { ...context, lookup: { path: '', home: '/nonexistent', from: [] }, ...over }
}

/** Resolves with the findings of a check, as they are shown. */
export async function findings(check: Check, context: DoctorContext): Promise<Finding[]> {
  return (await check(context)).map((finding) => presentable(finding, context.secrets))
}

/** Returns whether other users can enter a folder, through it and all folders above. */
export const canBeEntered = (folder: string): boolean =>
  (statSync(folder).mode & 0o011) !== 0 && (dirname(folder) === folder || canBeEntered(dirname(folder)))

/** Writes a file with a mode, creates its folders, and returns its path. */
export function place(file: string, content: string, mode: number): string {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
  chmodSync(file, mode)
  return file
}

/** Starts a server on loopback. Resolves with its URL and the list of its requests. */
export async function serve(answer: RequestListener): Promise<{ url: string; requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    answer(request, response)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((closed) => server.close(closed))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

/** Returns a list of models in OpenAI's form. */
export const modelList = (...ids: string[]): string =>
  JSON.stringify({ object: 'list', data: ids.map((id) => ({ id, object: 'model' })) })
