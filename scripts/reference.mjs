// Writes the tables of docs/reference that repeat the docstrings of src.
import { readFileSync, writeFileSync } from 'node:fs'
import { filled, pages } from './reference/tables.mjs'

for (const page of pages) writeFileSync(page, filled(readFileSync(page, 'utf8')))
