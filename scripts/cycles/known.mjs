// Imports of types that close a circle and may stay. Such an import costs nothing at run time, because tsc erases it.
// `npm run check:cycles` fails if an entry no longer closes a circle.
export const knownTypeImports = [
  {
    from: 'src/io/opencode/worktree.ts',
    to: 'src/io/opencode/project-code.ts',
    reason: 'the owner of a project is described where the owners are compared',
  },
  {
    from: 'src/actors/hooks.ts',
    to: 'src/actors/turn/turn-record.ts',
    reason: 'hooks receive a turn as its record, and the record keeps the hooks of its turn',
  },
]
