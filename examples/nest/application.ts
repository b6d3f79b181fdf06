import 'reflect-metadata'
import type { INestApplication, NestApplicationOptions } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { AgentsModule } from './agents.module.ts'
import type { AgentOptions } from './agents.ts'

/** Creates the application; the caller lets it listen, on loopback, because it knows no users. */
export const createApplication = (
  agents: AgentOptions,
  options: NestApplicationOptions = {},
): Promise<INestApplication> =>
  NestFactory.create(AgentsModule.register(agents), {
    ...options,
    // When Nest closes its connections, all turns have ended: only clients that do not read lose something.
    forceCloseConnections: true,
  })
