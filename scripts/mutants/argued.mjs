// Mutants that no test can notice, by their names, and why.
export const argued = []
