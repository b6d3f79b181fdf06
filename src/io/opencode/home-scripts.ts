/** Names in opencode's data folder that a home needs on another host, besides the database. */
const dataNames = 'snapshot storage tool-output'

/** Name of the database in opencode's data folder, and in an archive. */
export const databaseName = 'opencode.db'

/** Folder of a home that holds opencode's data, from the home downwards. */
export const dataFolder = ['.local', 'share', 'opencode'] as const

/** Beginning of each script. `has` also finds a link that leads nowhere. */
const prelude = `
set -eu
umask 077
has() { [ -e "$1" ] || [ -L "$1" ]; }
`

/** Exit code of {@link packScript} for a home in which there is nothing. */
export const nothingToPack = 64

/**
 * Program for opencode's own runtime that copies a database which a server may be writing. A link in the place of the
 * database is refused, because an agent may have made the link.
 *
 * @remarks Observed in opencode: the binary is a Bun, which has SQLite, and runs a program if `BUN_BE_BUN` is 1. A plain
 * copy of the database is torn in most cases, and a stopped server leaves 4 MB of changes in the write-ahead log. The
 * copy need not reach the disk, because it is read at once. A log that the end of the program writes into the database
 * must: so the setting holds for the copy only.
 */
export const copyProgram = `
const { constants, Database } = require('bun:sqlite')
const [from, to] = process.argv.slice(-2)
const database = new Database(from, constants.SQLITE_OPEN_READWRITE | constants.SQLITE_OPEN_NOFOLLOW)
database.exec('PRAGMA busy_timeout = 5000; PRAGMA synchronous = OFF')
try {
  database.run('VACUUM INTO ?', [to])
} finally {
  database.exec('PRAGMA synchronous = FULL')
}
`

/**
 * Script that writes a tar archive of a home to its output, for a POSIX shell. Arguments: opencode's data folder, the
 * home, an empty folder of the script's own, the opencode binary, and {@link copyProgram}. Links are archived as links.
 * Bun starts in `/`, because it would load the config of a folder that an agent can write. The copy has the time of the
 * database, so that the archive of an unchanged home is the same again.
 */
export const packScript = `${prelude}data=$1 home=$2 stage=$3
folder=$(cd -- "$data" && pwd -P)
if [ -f "$data/${databaseName}" ]; then
  (cd / && BUN_BE_BUN=1 HOME=/nonexistent "$4" -e "$5" "$folder/${databaseName}" "$stage/${databaseName}")
  touch -r "$data/${databaseName}" "$stage/${databaseName}"
fi
set --
[ ! -f "$stage/${databaseName}" ] || set -- -C "$stage" "./${databaseName}"
for name in ${dataNames}; do
  ! has "$data/$name" || set -- "$@" -C "$data" "./$name"
done
! has "$home/workspace" || set -- "$@" -C "$home" ./workspace
[ "$#" -gt 0 ] || exit ${nothingToPack}
exec tar -cf - "$@"
`

/** Script that unpacks an archive from its input into a folder. Argument: the folder. */
export const unpackScript = `${prelude}exec tar -xpof - -C "$1"
`

/**
 * Script that puts unpacked parts into their places in a home, and what was there into the folder `old`. Arguments:
 * opencode's data folder, the home, and the folder of the unpacked parts. Parts that the archive lacks are taken away too,
 * so that nothing of two homes is mixed.
 */
export const swapScript = `${prelude}data=$1 home=$2
cd -- "$3"
mkdir old
for name in ${databaseName} ${databaseName}-wal ${databaseName}-shm ${dataNames}; do
  ! has "$data/$name" || mv -- "$data/$name" old
  ! has "$name" || mv -- "$name" "$data"
done
! has "$home/workspace" || mv -- "$home/workspace" old
! has workspace || mv -- workspace "$home"
`
