import { type EpochMs, epochMs, type Milliseconds, MinutehandError } from '../core/index.ts';
import type { Database } from './connection.ts';

/** The right to write a book. The epoch grows with each change of holder and fences off whoever had it before. */
export interface Lease {
  readonly book: string;
  readonly holder: string;
  readonly epoch: number;
  readonly acquiredAt: EpochMs;
  readonly expiresAt: EpochMs;
}

/** What became of a request for a lease: it was given, or someone else holds it. */
export type LeaseRequest =
  | { readonly acquired: true; readonly lease: Lease }
  | { readonly acquired: false; readonly holder: string; readonly expiresAt: EpochMs };

/**
 * Takes the lease of a book if it is free, has expired at `now`, or is held by `deadHolder`: a holder that the caller knows to be gone
 * (its process ended on this machine). Each acquisition gets a new epoch.
 */
export async function acquireLease(
  database: Database,
  request: { book: string; holder: string; now: EpochMs; duration: Milliseconds; deadHolder?: string },
): Promise<LeaseRequest> {
  const { book, holder, now, duration, deadHolder } = request;
  const taken = await database.pool.query<LeaseRow>(
    `INSERT INTO leases AS known (book, holder, epoch, acquired_at, expires_at) VALUES ($1, $2, 1, $3, $4)
     ON CONFLICT (book) DO UPDATE SET holder = excluded.holder, epoch = known.epoch + 1, acquired_at = excluded.acquired_at,
       expires_at = excluded.expires_at
     WHERE known.expires_at <= $3 OR known.holder = $2 OR known.holder = $5 RETURNING *`,
    [book, holder, now, now + duration, deadHolder ?? null],
  );
  if (taken.rows[0]) return { acquired: true, lease: leaseOf(taken.rows[0]) };
  const current = await readLease(database, book);
  if (!current) return acquireLease(database, request);
  return { acquired: false, holder: current.holder, expiresAt: current.expiresAt };
}

/**
 * Extends a lease that is still this epoch's, expired or not.
 * @throws MinutehandError LEASE_LOST when another process has taken it since
 */
export async function renewLease(
  database: Database,
  { book, epoch, now, duration }: { book: string; epoch: number; now: EpochMs; duration: Milliseconds },
): Promise<void> {
  const { rowCount } = await database.pool.query('UPDATE leases SET expires_at = $3 WHERE book = $1 AND epoch = $2', [
    book,
    epoch,
    now + duration,
  ]);
  if (rowCount === 1) return;
  throw new MinutehandError(
    'LEASE_LOST',
    `Another process owns the book ${book}.`,
    'This process stops; see which one runs with "minutehand status".',
    { exitCode: 3 },
  );
}

/** Gives a lease back at once: the next process need not wait for it to expire. Nothing happens if another one has it. */
export async function releaseLease(
  database: Database,
  { book, epoch, now }: { book: string; epoch: number; now: EpochMs },
): Promise<void> {
  await database.pool.query('UPDATE leases SET expires_at = least(expires_at, $3) WHERE book = $1 AND epoch = $2', [
    book,
    epoch,
    now,
  ]);
}

/** The lease of a book as it stands, held, expired or given back; undefined for a book never leased. */
export async function readLease(database: Database, book: string): Promise<Lease | undefined> {
  const { rows } = await database.pool.query<LeaseRow>('SELECT * FROM leases WHERE book = $1', [book]);
  return rows[0] && leaseOf(rows[0]);
}

interface LeaseRow {
  readonly book: string;
  readonly holder: string;
  readonly epoch: number;
  readonly acquired_at: number;
  readonly expires_at: number;
}

const leaseOf = (row: LeaseRow): Lease => ({
  book: row.book,
  holder: row.holder,
  epoch: row.epoch,
  acquiredAt: epochMs(row.acquired_at),
  expiresAt: epochMs(row.expires_at),
});
