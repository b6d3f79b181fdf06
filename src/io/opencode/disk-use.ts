/**
 * Size of a new home after its first minute, in bytes.
 * @remarks Observed in opencode 1.18.33: a database, a log, and a library of 5.5 MB. Each server unpacks that
 *   library into its temporary folder and leaves it there, however the server ends.
 */
export const newHomeBytes = 15 * 1024 * 1024
