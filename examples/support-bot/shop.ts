/** Order of a customer. `total` is in euros. */
export interface Order {
  id: string
  customer: string
  item: string
  total: number
  status: 'shipped' | 'delivered' | 'refunded'
}

/** Shop in memory, in place of a database. Customers see and change only their own orders. */
export class Shop {
  readonly #orders: Map<string, Order>

  constructor(orders: readonly Order[]) {
    this.#orders = new Map(orders.map((order) => [order.id, { ...order }]))
  }

  /**
   * Returns an order.
   *
   * @throws Error if the customer has no such order; the message is for the model
   */
  find(id: string, customer: string): Readonly<Order> {
    const order = this.#orders.get(id)
    if (order?.customer !== customer) throw new Error(`This customer has no order ${id}`)
    return order
  }

  /** Returns the orders of a customer. */
  ordersOf(customer: string): Readonly<Order>[] {
    return [...this.#orders.values()].filter((order) => order.customer === customer)
  }

  /**
   * Refunds an order, once.
   *
   * @throws Error if the customer has no such order, or the order was refunded before
   */
  refund(id: string, customer: string): Readonly<Order> {
    const order = this.find(id, customer)
    if (order.status === 'refunded') throw new Error(`The order ${id} was refunded before`)
    const refunded = { ...order, status: 'refunded' as const }
    this.#orders.set(id, refunded)
    return refunded
  }
}
