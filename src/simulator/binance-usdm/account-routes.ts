import { priceFromNumber } from '../../matching/index.ts';
import { type PrivateContext, type PrivateRoute, type Query, VenueError } from '../dialect.ts';
import { accountSums, listedPositions, positionWords } from './account-words.ts';
import { page, signed } from './order-routes.ts';
import { INCOME_TYPE, incomeWords } from './order-words.ts';
import { instrumentsOf, integer, limitOf, mandatory, requiredInstrument, timeRange } from './parameters.ts';

/** The largest position value of the only bracket there is. */
const NOTIONAL_CAP = 1_000_000_000;
const SUCCESS = { code: 200, msg: 'success' };

function positionsOf(query: Query, context: PrivateContext, everything: boolean) {
  const { account, venue } = context;
  const symbols = instrumentsOf(query, venue).all.map(({ instrument }) => instrument.symbol);
  return listedPositions(account.exchange, symbols, everything).map((position) => {
    const mark = account.exchange.priceOf(position.symbol) || priceFromNumber(venue.lastPrice(position.symbol) ?? 0);
    return positionWords(account.exchange, position, mark);
  });
}

const positionRisk = (version: 2 | 3) =>
  signed('GET', `v${version}/positionRisk`, 5, (query, context) =>
    positionsOf(query, context, version === 2 || query.symbol !== undefined).map(
      ({ unrealized, isIsolated, leverage, ...position }) => ({
        ...position,
        unRealizedProfit: unrealized,
        marginAsset: 'USDT',
        adl: 0,
        bidNotional: '0',
        askNotional: '0',
        ...(version === 2
          ? {
              leverage,
              maxNotionalValue: String(NOTIONAL_CAP),
              marginType: isIsolated ? 'isolated' : 'cross',
              isAutoAddMargin: 'false',
              isolated: isIsolated,
            }
          : {}),
      }),
    ),
  );

const account = (version: 2 | 3) =>
  signed('GET', `v${version}/account`, 5, (query, context) => {
    const { exchange } = context.account;
    const sums = accountSums(exchange);
    const asset = {
      asset: 'USDT',
      walletBalance: sums.wallet,
      unrealizedProfit: sums.unrealized,
      marginBalance: sums.balance,
      maintMargin: sums.maintenance,
      initialMargin: sums.initial,
      positionInitialMargin: sums.positionInitial,
      openOrderInitialMargin: sums.orderInitial,
      crossWalletBalance: sums.crossWallet,
      crossUnPnl: sums.crossUnrealized,
      availableBalance: sums.available,
      maxWithdrawAmount: sums.available,
      updateTime: context.venue.now(),
    };
    return {
      totalInitialMargin: sums.initial,
      totalMaintMargin: sums.maintenance,
      totalWalletBalance: sums.wallet,
      totalUnrealizedProfit: sums.unrealized,
      totalMarginBalance: sums.balance,
      totalPositionInitialMargin: sums.positionInitial,
      totalOpenOrderInitialMargin: sums.orderInitial,
      totalCrossWalletBalance: sums.crossWallet,
      totalCrossUnPnl: sums.crossUnrealized,
      availableBalance: sums.available,
      maxWithdrawAmount: sums.available,
      ...(version === 2
        ? { feeTier: 0, canTrade: true, canDeposit: false, canWithdraw: false, multiAssetsMargin: false, updateTime: 0 }
        : {}),
      assets: [version === 2 ? { ...asset, marginAvailable: true } : asset],
      positions: positionsOf({ ...query, symbol: undefined }, context, version === 2).map(
        ({ unrealized, isIsolated, leverage, markPrice: _, liquidationPrice: __, ...position }) => ({
          ...position,
          unrealizedProfit: unrealized,
          ...(version === 2 ? { leverage, isolated: isIsolated, maxNotional: String(NOTIONAL_CAP) } : {}),
        }),
      ),
    };
  });

const balance = (version: 2 | 3) =>
  signed('GET', `v${version}/balance`, 5, (_query, { account: { key, exchange }, venue }) => {
    const sums = accountSums(exchange);
    return [
      {
        accountAlias: key.slice(0, 4),
        asset: 'USDT',
        balance: sums.wallet,
        crossWalletBalance: sums.crossWallet,
        crossUnPnl: sums.crossUnrealized,
        availableBalance: sums.available,
        maxWithdrawAmount: sums.available,
        marginAvailable: true,
        updateTime: venue.now(),
      },
    ];
  });

const bracketOf = (symbol: string, { settings }: PrivateContext) => ({
  symbol,
  brackets: [
    {
      bracket: 1,
      initialLeverage: settings.maxLeverage,
      notionalCap: NOTIONAL_CAP,
      notionalFloor: 0,
      maintMarginRatio: settings.maintenanceMarginRate,
      cum: 0,
    },
  ],
});

const listenKey = (method: PrivateRoute['method'], answer: (context: PrivateContext) => unknown): PrivateRoute => ({
  ...signed(method, 'v1/listenKey', 1, (_query, context) => answer(context)),
  isSigned: false,
});

const noListenKey = () => new VenueError(-1125, 'This listenKey does not exist.');

export const accountRoutes: readonly PrivateRoute[] = [
  account(2),
  account(3),
  balance(2),
  balance(3),
  positionRisk(2),
  positionRisk(3),
  signed('GET', 'v1/income', 30, (query, { account: { exchange } }) => {
    const { startTime, endTime } = timeRange(query);
    const limit = limitOf(query, 100, 1_000);
    const incomes = exchange.ledger.incomes.filter(
      ({ symbol, kind, time }) =>
        (query.symbol === undefined || symbol === query.symbol) &&
        (query.incomeType === undefined || INCOME_TYPE[kind] === query.incomeType) &&
        time >= (startTime ?? 0) &&
        time <= (endTime ?? time),
    );
    return page(incomes, startTime !== undefined, limit).map(incomeWords);
  }),
  signed('POST', 'v1/leverage', 1, (query, { venue, account: { exchange } }) => {
    const { instrument } = requiredInstrument(query, venue);
    const leverage = integer(query, 'leverage');
    if (leverage === undefined) throw mandatory('leverage');
    exchange.setLeverage(instrument.symbol, leverage, venue.now());
    return { leverage, maxNotionalValue: String(NOTIONAL_CAP), symbol: instrument.symbol };
  }),
  signed('POST', 'v1/marginType', 1, (query, { venue, account: { exchange } }) => {
    const { instrument } = requiredInstrument(query, venue);
    const type = query.marginType?.toUpperCase();
    if (!type) throw mandatory('marginType');
    if (type !== 'ISOLATED' && type !== 'CROSSED') throw new VenueError(-4049, 'Invalid margin type.');
    exchange.setMarginMode(instrument.symbol, type === 'ISOLATED');
    return SUCCESS;
  }),
  signed('GET', 'v1/positionSide/dual', 30, (_query, { account: { exchange } }) => ({
    dualSidePosition: exchange.isHedgeMode,
  })),
  signed('POST', 'v1/positionSide/dual', 1, (query, { account: { exchange } }) => {
    const isDual = query.dualSidePosition?.toLowerCase();
    if (isDual !== 'true' && isDual !== 'false') throw mandatory('dualSidePosition');
    exchange.setHedgeMode(isDual === 'true');
    return SUCCESS;
  }),
  signed('GET', 'v1/leverageBracket', 1, (query, context) => {
    const { one, all } = instrumentsOf(query, context.venue);
    const brackets = all.map(({ instrument }) => bracketOf(instrument.symbol, context));
    return one ? brackets[0] : brackets;
  }),
  signed('GET', 'v1/commissionRate', 20, (query, { venue, settings }) => ({
    symbol: requiredInstrument(query, venue).instrument.symbol,
    makerCommissionRate: (settings.makerFeeBps / 10_000).toFixed(6),
    takerCommissionRate: (settings.costs.takerFeeBps / 10_000).toFixed(6),
  })),
  signed('GET', 'v1/symbolConfig', 5, (query, { venue, account: { exchange } }) =>
    instrumentsOf(query, venue).all.map(({ instrument: { symbol } }) => {
      const { leverage, isIsolated } = exchange.marginOf(symbol);
      return {
        symbol,
        marginType: isIsolated ? 'ISOLATED' : 'CROSSED',
        isAutoAddMargin: false,
        leverage,
        maxNotionalValue: String(NOTIONAL_CAP),
      };
    }),
  ),
  signed('GET', 'v1/accountConfig', 5, (_query, { account: { exchange } }) => ({
    feeTier: 0,
    canTrade: true,
    canDeposit: false,
    canWithdraw: false,
    dualSidePosition: exchange.isHedgeMode,
    multiAssetsMargin: false,
    updateTime: 0,
  })),
  listenKey('POST', ({ account: { key }, userStreams, venue }) => ({ listenKey: userStreams.open(key, venue.now()) })),
  listenKey('PUT', ({ account: { key }, userStreams, venue }) => {
    if (!userStreams.has(key)) throw noListenKey();
    return { listenKey: userStreams.open(key, venue.now()) };
  }),
  listenKey('DELETE', ({ account: { key }, userStreams }) => {
    if (!userStreams.has(key)) throw noListenKey();
    userStreams.close(key);
    return {};
  }),
];
