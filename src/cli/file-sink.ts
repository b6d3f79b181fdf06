import { fstatSync, fsyncSync, writeFileSync } from 'node:fs'
import { Writable } from 'node:stream'

/** Error codes of file systems that cannot sync. Such an error says nothing about the write. */
const cannotSync = ['EINVAL', 'ENOSYS', 'ENOTSUP', 'EROFS']

/**
 * Writes to an open file, each chunk as a whole.
 * Node's own stream reports a partial write as complete, for example when a disk becomes full (Node 20.20,
 * `SyncWriteStream`).
 */
export class FileSink extends Writable {
  readonly #fd: number

  constructor(fd: number) {
    super({ decodeStrings: true })
    this.#fd = fd
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    try {
      writeFileSync(this.#fd, chunk)
      done()
    } catch (error) {
      done(error as Error)
    }
  }

  /**
   * Waits until the disk has all data: some file systems (NFS, thin volumes) report a lack of space only
   * then.
   * @throws the system's error if the disk could not take all data.
   */
  sync(): void {
    if (!fstatSync(this.#fd).isFile()) return
    try {
      fsyncSync(this.#fd)
    } catch (error) {
      if (!cannotSync.includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
}
