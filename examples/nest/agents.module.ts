import { Module, type DynamicModule } from '@nestjs/common'
import { AGENT_OPTIONS, Agents, type AgentOptions } from './agents.ts'
import { TurnsController } from './turns.controller.ts'

/** Module of the agents. Import it once: each `register` makes a server, and a home takes one server only. */
@Module({})
export class AgentsModule {
  static register(options: AgentOptions): DynamicModule {
    return {
      module: AgentsModule,
      controllers: [TurnsController],
      providers: [Agents, { provide: AGENT_OPTIONS, useValue: options }],
      exports: [Agents],
    }
  }
}
