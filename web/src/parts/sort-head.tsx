import './sort-head.css'
import type { ComponentChildren } from 'preact'
import type { Order } from '../app/order.ts'

/** Value of `aria-sort` for the head of a column. */
export const ariaSort = <Column extends string>({ sort, isDescending }: Order<Column>, column: Column) =>
  sort !== column ? 'none' : isDescending ? 'descending' : 'ascending'

/** Button in the head of a column, which sorts the table. The head has `aria-sort`. */
export const SortButton = ({ onSort, children }: { onSort: () => void; children: ComponentChildren }) => (
  <button type="button" class="sort-button" onClick={onSort}>
    {children}
  </button>
)
