import type { OpenCodeClient } from '../../io/opencode/client.ts'
import type { DirectoryPolicy } from './directory-policy.ts'
import type { HostCalls } from './host-calls.ts'
import type { SessionEventRouter } from './session-event-router.ts'

/** Connection to a running server: its API client, and its events routed by session. */
export interface ServerConnection {
  client: OpenCodeClient
  router: SessionEventRouter
  /** Policy of the directories in which the server's sessions may work. */
  policy: DirectoryPolicy
  /**
   * Directory of the server: a real path if this host manages the server; empty: the directory in which the
   * server was started.
   */
  directory: string
  /** Calls of the host tools; `undefined` if there are none. */
  hostCalls?: HostCalls | undefined
}
