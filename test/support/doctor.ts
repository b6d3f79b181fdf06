import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname } from 'node:path'
import { onTestFinished } from 'vitest'
import { contextOf, type Check, type DoctorContext } from '../../src/cli/doctor/context.ts'
import { presentable, type Finding } from '../../src/cli/doctor/finding.ts'
import type { DoctorFlags } from '../../src/cli/flags.ts'

/** The key in the checks' environment. */
export const doctorKey = 'sk-doctor-0123456789'

/** What a check sees for these flags, in an environment of its own; `over` replaces what it knows of the machine. */
export function doctorContext(
  flags: DoctorFlags = {},
  { env = { OPENCODE_RUNTIME_API_KEY: doctorKey }, ...over }: Partial<DoctorContext> = {},
): DoctorContext {
  const context = contextOf(flags, env, new AbortController().signal)
  return { ...context, lookup: { path: '', home: '/nonexistent', from: [] }, ...over }
}

/** What a check finds, as it is shown. */
export async function findings(check: Check, context: DoctorContext): Promise<Finding[]> {
  return (await check(context)).map((finding) => presentable(finding, context.secrets))
}

/** Whether other users get through a folder; in a private one, nothing below is open to them. */
export const canBeEntered = (folder: string): boolean =>
  (statSync(folder).mode & 0o011) !== 0 && (dirname(folder) === folder || canBeEntered(dirname(folder)))

/** A file, its folders made, of this mode. */
export function place(file: string, content: string, mode: number): string {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
  chmodSync(file, mode)
  return file
}

/** A server on loopback that answers as told, and the requests that it got. */
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

/** A list of models as OpenAI answers it. */
export const modelList = (...ids: string[]): string =>
  JSON.stringify({ object: 'list', data: ids.map((id) => ({ id, object: 'model' })) })
