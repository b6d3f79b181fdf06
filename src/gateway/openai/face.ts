import type { GatewayContext } from '../context.ts'
import type { Route } from '../http/route.ts'
import type { TurnDesk } from '../turns/turn-desk.ts'
import { completionsRoute } from './completions.ts'
import { modelRoutes } from './models.ts'
import { ClusterChatSessions } from '../cluster/cluster-sessions.ts'
import { ClusterTurns } from '../cluster/cluster-turns.ts'
import { FleetChatSessions } from './sessions.ts'

/** Agents as models of OpenAI. */
export interface OpenAiFace {
  routes: Route[]
  /** Deletes what earlier processes have left, in the background. */
  open: () => Promise<void>
  /** Waits for the deletions of sessions, for a limited time. */
  close: () => Promise<void>
}

/** Makes the part of a gateway that programs for OpenAI talk to. Its turns are turns of the desk. */
export function openAiFace(context: GatewayContext, desk: TurnDesk): OpenAiFace {
  const { turns } = context
  const sessions =
    turns instanceof ClusterTurns ? new ClusterChatSessions(context, turns) : new FleetChatSessions(context)
  const created = Math.floor(Date.now() / 1000)
  return {
    routes: [...modelRoutes(created), completionsRoute(desk, sessions)],
    open: () => sessions.open(),
    close: () => sessions.close(),
  }
}
