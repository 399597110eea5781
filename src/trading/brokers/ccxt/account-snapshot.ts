import type { AccountSnapshot, EpochMs, SymbolId } from '../../../core/index.ts';
import { formatCash, formatQuantity, notionalOf, parsePrice, parseQuantity } from '../../../matching/index.ts';
import type { AccountClient } from './account-client.ts';

/**
 * How an account stands.
 * @param isOwn whether an open order of this client order id is known to be open
 * @throws what the venue's connection throws
 */
export async function takeSnapshot(
  client: AccountClient,
  { takenAt, version, isOwn }: { takenAt: EpochMs; version: number; isOwn: (clientOrderId: string) => boolean },
): Promise<AccountSnapshot> {
  const [held, wallet, open] = await Promise.all([client.positions(), client.wallet(), client.openOrders()]);
  const positions = new Map<SymbolId, { long: string; short: string }>();
  let cost = 0n;
  for (const { symbol, leg, quantity, entryPrice } of held) {
    const legs = positions.get(symbol) ?? { long: '0', short: '0' };
    positions.set(symbol, { ...legs, [leg]: leg === 'long' ? quantity : formatQuantity(-parseQuantity(quantity)) });
    const notional = notionalOf(parsePrice(entryPrice), parseQuantity(quantity));
    cost += leg === 'long' ? notional : -notional;
  }
  return {
    takenAt,
    version,
    positions,
    isHedgeMode: wallet.isHedgeMode,
    balance: wallet.balance,
    positionsCost: formatCash(cost),
    foreignOrders: open
      .filter(({ clientOrderId }) => !isOwn(clientOrderId))
      .map(({ clientOrderId, symbol }) => `${symbol} ${clientOrderId}`),
  };
}
