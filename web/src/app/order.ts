/** Order of a table: a column, and its direction. */
export interface Order<Column extends string> {
  sort: Column
  isDescending: boolean
}

/** Returns the order in a query such as `?sort=-cost`; the usual one if it names none of the columns. */
export function orderIn<Column extends string>(
  search: URLSearchParams,
  columns: readonly Column[],
  usual: Order<Column>,
): Order<Column> {
  const text = search.get('sort') ?? ''
  const isDescending = text.startsWith('-')
  const sort = columns.find((column) => column === text.slice(Number(isDescending)))
  return sort === undefined ? usual : { sort, isDescending }
}

/** Returns the order after a click on the head of a column: a second click turns the order round. */
export function ordered<Column extends string>(
  { sort, isDescending }: Order<Column>,
  column: Column,
  isDescendingFirst: boolean,
): Order<Column> {
  return { sort: column, isDescending: sort === column ? !isDescending : isDescendingFirst }
}

/**
 * Returns a query for an address, without what is usual.
 *
 * @param values - values by their names; an empty one is left out
 */
export function searchWith<Column extends string>(
  values: Readonly<Record<string, string>>,
  { sort, isDescending }: Order<Column>,
  usual: Order<Column>,
): string {
  const isUsual = sort === usual.sort && isDescending === usual.isDescending
  const all = { ...values, sort: isUsual ? '' : `${isDescending ? '-' : ''}${sort}` }
  const search = new URLSearchParams(Object.entries(all).filter(([, value]) => value !== '')).toString()
  return search === '' ? '' : `?${search}`
}
