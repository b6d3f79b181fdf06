import type { Stats } from 'node:fs'
import { InvalidOptionsError } from '../../errors.ts'
import { requireAccess } from '../../io/home/user-access.ts'
import { locateBinary } from '../../io/opencode/binary.ts'
import type { DoctorContext } from './context.ts'
import { failure, warning, type Finding } from './finding.ts'

/**
 * Returns the finding about a home of another user; `undefined` if this process is that user. A host that runs as
 * root can start a server as the owner, if the owner can reach all that the server needs.
 */
export async function foreignHome(
  home: string,
  { uid: owner, gid }: Stats,
  context: DoctorContext,
): Promise<Finding | undefined> {
  const { uid } = context
  if (uid === undefined || owner === uid) return undefined
  const found = `${home} belongs to user ${owner}, but this process runs as user ${uid}`
  if (uid !== 0)
    return warning(
      'home',
      found,
      `Change the owner (chown -R ${uid} ${home}), or run the server as user ${owner}.`,
    )
  const problem = await accessProblem({ uid: owner, gid }, home, context)
  if (problem !== undefined) return failure('home', problem, 'A server with this uid cannot start otherwise.')
  const options = `uid: ${owner} and gid: ${gid}`
  return warning(
    'home',
    found,
    `Start the server with the options ${options}, or change the owner (chown -R 0 ${home}).`,
  )
}

/** Returns what the owner of a home cannot reach; `undefined` if the owner can reach all that is known. */
async function accessProblem(
  user: { uid: number; gid: number },
  home: string,
  { binary, lookup, directory = home }: DoctorContext,
): Promise<string | undefined> {
  const file = await locateBinary(binary, lookup).catch(() => undefined)
  try {
    await requireAccess(user, { home, directory, binary: file?.file })
    return undefined
  } catch (error) {
    if (error instanceof InvalidOptionsError) return error.message
    throw error
  }
}
