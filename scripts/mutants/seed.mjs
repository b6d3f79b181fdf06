// Every mutant is tried with the same examples.
import fc from 'fast-check'

fc.configureGlobal({ seed: 1 })
