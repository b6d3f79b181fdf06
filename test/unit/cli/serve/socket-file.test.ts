import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { once } from 'node:events'
import { spawnSync } from 'node:child_process'
import { describe, expect, onTestFinished, test } from 'vitest'
import { removeStaleSocket } from '../../../../src/cli/serve/socket-file.ts'
import { tempHome } from '../../../support/home.ts'

describe('removeStaleSocket', () => {
  test('removes a socket on which nobody listens', async () => {
    const path = join(tempHome(), 'a.sock')
    const program = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
    spawnSync(process.execPath, ['-e', program])
    expect(existsSync(path)).toBe(true)
    await removeStaleSocket(path)
    expect(existsSync(path)).toBe(false)
  })

  test('leaves a socket on which a process listens', async () => {
    const path = join(tempHome(), 'a.sock')
    const server = createServer().listen(path)
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    await expect(removeStaleSocket(path)).rejects.toThrow(`another process listens on unix:${path}`)
    expect(existsSync(path)).toBe(true)
  })

  test('leaves a file that is no socket, and accepts a path without a file', async () => {
    const path = join(tempHome(), 'notes.txt')
    await removeStaleSocket(path)
    writeFileSync(path, 'notes')
    await expect(removeStaleSocket(path)).rejects.toThrow('is not a socket')
    expect(existsSync(path)).toBe(true)
  })
})
