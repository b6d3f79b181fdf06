import { createServer, type AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { InvalidOptionsError, PortInUseError } from '../../../../src/errors.ts'
import { choosePort } from '../../../../src/io/process/port.ts'

function listen(port = 0): Promise<{ port: number; close: () => Promise<unknown> }> {
  return new Promise((resolve) => {
    const server = createServer()
    const close = () => new Promise((closed) => server.close(closed))
    onTestFinished(() => void server.close())
    server.listen(port, '127.0.0.1', () => resolve({ port: (server.address() as AddressInfo).port, close }))
  })
}

describe('choosePort', () => {
  it('returns a free port above those that fetch rejects, and below those of connections', async () => {
    const port = await choosePort('127.0.0.1', undefined)
    expect(port).toBeGreaterThanOrEqual(20_000)
    expect(port).toBeLessThan(32_768)
    const { port: bound } = await listen(port)
    expect(bound).toBe(port)
  })

  it('returns different ports at repeated calls', async () => {
    const ports = await Promise.all(Array.from({ length: 20 }, () => choosePort('127.0.0.1', undefined)))
    expect(new Set(ports).size).toBe(20)
  })

  it('returns the wanted port if it is free, also after it was used', async () => {
    const { port, close } = await listen()
    await close()
    expect(await choosePort('127.0.0.1', port)).toBe(port)
    const again = await listen(port)
    await again.close()
    expect(await choosePort('127.0.0.1', port)).toBe(port)
  })

  it('rejects a wanted port that is in use, and names the port', async () => {
    const { port } = await listen()
    const error = await choosePort('127.0.0.1', port).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(PortInUseError)
    expect(error).toMatchObject({ code: 'ERR_OPENCODE_PORT_IN_USE' })
    expect((error as Error).message).toContain(`Port ${port} of 127.0.0.1`)
  })

  it.each([undefined, 4096])(
    'rejects a host name that is no address of this machine (port %s)',
    async (wanted) => {
      const error = await choosePort('203.0.113.1', wanted).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(InvalidOptionsError)
      expect((error as Error).message).toMatch(/Invalid option hostname: .*203\.0\.113\.1/)
    },
  )
})
