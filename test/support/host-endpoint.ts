import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import type { OpenCodeServer } from '../../src/index.ts'
import { portVariable, tokenVariable } from '../../src/io/opencode/host-plugin-text.ts'

/** Connection to an endpoint of host tools, without the plugin. */
export interface EndpointClient {
  /** Sends a line: a value as JSON, or a text as it is. */
  send: (line: unknown) => void
  /** Lines of the endpoint so far, parsed. */
  lines: unknown[]
  /** Resolves when the connection has ended. */
  ended: Promise<void>
  end: () => void
}

/** Connects to an endpoint of host tools, and sends the token. */
export function connectTo({ port, token }: { port: number; token: string }): EndpointClient {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  const lines: unknown[] = []
  createInterface(socket).on('line', (line) => lines.push(JSON.parse(line) as unknown))
  const ended = new Promise<void>((resolve) =>
    socket.on('error', () => undefined).once('close', () => resolve()),
  )
  const send = (line: unknown): void =>
    void socket.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`)
  send(token)
  return { send, lines, ended, end: () => socket.destroy() }
}

/** Returns the endpoint of a server's host tools, as programs of the same user may read it. */
export function endpointOf({ pid }: OpenCodeServer): { port: number; token: string } {
  const variables = readFileSync(`/proc/${pid ?? ''}/environ`, 'utf8').split('\0')
  const valueOf = (name: string): string =>
    variables.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1) ?? ''
  return { port: Number(valueOf(portVariable)), token: valueOf(tokenVariable) }
}
