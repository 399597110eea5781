import { MinutehandError } from '../core/index.ts';

/** What a column of a candle file holds. */
export type CandleField =
  | 'openTime'
  | 'open'
  | 'high'
  | 'low'
  | 'close'
  | 'volume'
  | 'quoteVolume'
  | 'trades'
  | 'takerBuyVolume';

export interface CandleLayout {
  /** Per column of the file: the field it holds and the name it goes by; undefined where the column is of no use here. */
  readonly columns: readonly (NamedField | undefined)[];
  readonly hasHeader: boolean;
  /** The header says milliseconds ("open_time_ms"), so that another unit contradicts it. */
  readonly declaresMilliseconds: boolean;
}

interface NamedField {
  readonly field: CandleField;
  readonly name: string;
}

export const REQUIRED_FIELDS: readonly CandleField[] = ['openTime', 'open', 'high', 'low', 'close', 'volume'];

const FIELD_OF_NAME: Readonly<Record<string, CandleField>> = {
  open_time_ms: 'openTime',
  open_time: 'openTime',
  opentime: 'openTime',
  timestamp: 'openTime',
  time: 'openTime',
  open: 'open',
  high: 'high',
  low: 'low',
  close: 'close',
  volume: 'volume',
  quote_volume: 'quoteVolume',
  quote_asset_volume: 'quoteVolume',
  trades: 'trades',
  count: 'trades',
  number_of_trades: 'trades',
  taker_buy_base: 'takerBuyVolume',
  taker_buy_volume: 'takerBuyVolume',
  taker_buy_base_volume: 'takerBuyVolume',
  taker_buy_base_asset_volume: 'takerBuyVolume',
};

/** The exchange's archive files in their order; the older ones come without a header. */
const ARCHIVE_COLUMNS = [
  'open_time',
  'open',
  'high',
  'low',
  'close',
  'volume',
  'close_time',
  'quote_volume',
  'count',
  'taker_buy_volume',
  'taker_buy_quote_volume',
  'ignore',
];

const OWN_COLUMNS = [
  'open_time_ms',
  'open',
  'high',
  'low',
  'close',
  'volume',
  'quote_volume',
  'trades',
  'taker_buy_base',
];

const REMEDY =
  'Give the file a header such as open_time_ms,open,high,low,close,volume, or use the archive format of the exchange.';

/**
 * Recognises the columns from the first line of a file.
 * @throws MinutehandError if it is neither a header that names all required columns nor a row of a known width.
 */
export function recogniseLayout(firstLine: string, file: string): CandleLayout {
  const cells = firstLine.split(',').map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));
  const hasHeader = !/^[-+]?\d/.test(cells[0] ?? '');
  if (hasHeader) return layoutOf(cells, true, file);
  if (cells.length === ARCHIVE_COLUMNS.length) return layoutOf(ARCHIVE_COLUMNS, false, file);
  if ([6, 7, 9].includes(cells.length)) return layoutOf(OWN_COLUMNS.slice(0, cells.length), false, file);
  throw new MinutehandError(
    'CANDLE_FILE_COLUMNS',
    `${file}, line 1: no header, and ${cells.length} columns fit no known format (6, 7, 9 or 12 columns)`,
    REMEDY,
  );
}

function layoutOf(names: readonly string[], hasHeader: boolean, file: string): CandleLayout {
  const columns = names.map((name) => {
    const field = FIELD_OF_NAME[name.toLowerCase()];
    return field === undefined ? undefined : { field, name };
  });
  for (const field of REQUIRED_FIELDS) {
    const found = columns.filter((column) => column?.field === field).length;
    if (found === 1) continue;
    throw new MinutehandError(
      'CANDLE_FILE_COLUMNS',
      `${file}, line 1: ${found === 0 ? 'no column holds' : 'two columns hold'} ${nameOf(field)} (found: ${names.join(', ').slice(0, 200)})`,
      REMEDY,
    );
  }
  return {
    columns,
    hasHeader,
    declaresMilliseconds: hasHeader && names.some((name) => name.toLowerCase() === 'open_time_ms'),
  };
}

function nameOf(field: CandleField): string {
  return field === 'openTime' ? 'the open time (open_time_ms)' : `"${field}"`;
}
