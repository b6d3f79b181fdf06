import { join } from 'node:path'

/** Returns the directory in which the agent of a home works by default. */
export const workspaceOf = (home: string): string => join(home, 'workspace')
