/** Promise with the function that resolves it. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T | PromiseLike<T>): void
}

/** Returns a promise that its creator resolves. */
export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T | PromiseLike<T>) => void
  const promise = new Promise<T>((settle) => (resolve = settle))
  return { promise, resolve }
}
