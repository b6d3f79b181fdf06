import { join } from 'node:path'
import getPort from 'get-port'
import { execa } from 'execa'

/** Builds the Next app of a folder and starts the app. Calls a function with the app's base URL, and stops the app. */
export async function withNext<T>(folder: string, act: (baseURL: string) => Promise<T>): Promise<T> {
  const next = join(folder, 'node_modules/next/dist/bin/next')
  const options = { cwd: folder, env: { NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' } }
  await execa(process.execPath, [next, 'build'], { ...options, timeout: 100_000 })
  const port = await getPort({ host: '127.0.0.1' })
  const args = [next, 'start', '--hostname', '127.0.0.1', '--port', String(port)]
  const app = execa(process.execPath, args, { ...options, reject: false, timeout: 60_000 })
  try {
    await new Promise<void>((resolve, reject) => {
      app.stdout.on('data', (text: Buffer) => text.includes('Ready') && resolve())
      app.once('exit', () => reject(new Error('Next did not start')))
    })
    return await act(`http://127.0.0.1:${port}`)
  } finally {
    app.kill()
    await app
  }
}
