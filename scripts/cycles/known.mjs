// Imports of types that close a circle and may stay. Such an import costs nothing at run time, because tsc erases it.
// `npm run check:cycles` fails if an entry no longer closes a circle.
export const knownTypeImports = [
  {
    from: 'src/config/compiled-options.ts',
    to: 'src/config/options.ts',
    reason: 'users look for the option types beside `compileOptions`, which makes the compiled options',
  },
  {
    from: 'src/config/option-schema.ts',
    to: 'src/config/options.ts',
    reason: 'the schema checks the option types, and `compileConnection` uses the schema',
  },
  {
    from: 'src/io/opencode/worktree.ts',
    to: 'src/io/opencode/project-code.ts',
    reason: 'the owner of a project is described where the owners are compared',
  },
  {
    from: 'src/actors/observer.ts',
    to: 'src/actors/turn/turn-record.ts',
    reason: 'an observer is told of a turn by its record, and the record keeps its observers',
  },
  {
    from: 'src/api/lifecycle.ts',
    to: 'src/machines/server-machine.ts',
    reason:
      'a lifecycle is read from a snapshot of the machine, and the hooks of its runtime read the lifecycle',
  },
  {
    from: 'src/api/lifecycle.ts',
    to: 'src/api/turn.ts',
    reason: 'the type of the actor of a server is defined in `api/turn.ts`',
  },
  {
    from: 'src/telemetry/log.ts',
    to: 'src/api/turn.ts',
    reason: 'the type of the actor of a server is defined in `api/turn.ts`',
  },
  {
    from: 'src/telemetry/telemetry.ts',
    to: 'src/api/turn.ts',
    reason: 'the type of the actor of a server is defined in `api/turn.ts`',
  },
  {
    from: 'src/telemetry/starts.ts',
    to: 'src/telemetry/telemetry.ts',
    reason: 'the instruments of a start are part of the telemetry of a server',
  },
  {
    from: 'src/telemetry/turns.ts',
    to: 'src/telemetry/telemetry.ts',
    reason: 'the instruments of a turn are part of the telemetry of a server',
  },
]
