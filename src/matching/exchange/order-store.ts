import type { SymbolId } from '../../core/index.ts';

interface Stored {
  readonly id: number;
  readonly clientOrderId: string;
  readonly symbol: SymbolId;
}

/** Orders by both their ids: all open ones, and as many finished ones as `limit` says. */
export class OrderStore<Order extends Stored> {
  readonly #limit: number;
  readonly #isOpen: (order: Order) => boolean;
  readonly #orders = new Map<number, Order>();
  readonly #open = new Map<number, Order>();
  /** The newest order of a client id, which may be used again when its order has ended. */
  readonly #byClientId = new Map<string, Order>();

  constructor(limit: number, isOpen: (order: Order) => boolean) {
    this.#limit = limit;
    this.#isOpen = isOpen;
  }

  get openCount(): number {
    return this.#open.size;
  }

  add(order: Order): void {
    this.#orders.set(order.id, order);
    this.#open.set(order.id, order);
    this.#byClientId.set(order.clientOrderId, order);
    if (this.#orders.size - this.#open.size <= this.#limit) return;
    for (const old of this.#orders.values()) {
      if (this.#open.has(old.id)) continue;
      this.#orders.delete(old.id);
      if (this.#byClientId.get(old.clientOrderId) === old) this.#byClientId.delete(old.clientOrderId);
      break;
    }
  }

  /** To be called when an order may have ended. */
  settle(order: Order): void {
    if (!this.#isOpen(order)) this.#open.delete(order.id);
  }

  isClientIdTaken(clientOrderId: string): boolean {
    const order = this.#byClientId.get(clientOrderId);
    return order !== undefined && this.#open.has(order.id);
  }

  find(symbol: SymbolId | undefined, id: number | undefined, clientOrderId: string | undefined): Order | undefined {
    const order = id !== undefined ? this.#orders.get(id) : this.#byClientId.get(clientOrderId ?? '');
    return order && (symbol === undefined || order.symbol === symbol) ? order : undefined;
  }

  /** In the order they were placed: a copy, so that orders may end while it is gone through. */
  open(symbol?: SymbolId): Order[] {
    const open = [...this.#open.values()];
    return symbol === undefined ? open : open.filter((order) => order.symbol === symbol);
  }

  all(symbol?: SymbolId): Order[] {
    const all = [...this.#orders.values()];
    return symbol === undefined ? all : all.filter((order) => order.symbol === symbol);
  }
}
