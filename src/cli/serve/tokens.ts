import { existsSync } from 'node:fs'
import { join } from 'node:path'

export const hasTokens = (dataDir: string): boolean => existsSync(join(dataDir, '.fleet', 'tokens.json'))
