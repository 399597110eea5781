import type { Migration } from './migration.ts';

/** What it takes to go through a book's past once more. */
export const replay: Migration = {
  id: '0013-replay',
  up: `
    -- Step 0 is the minute itself, the others came between it and the next.
    CREATE TABLE book_steps (
      book text NOT NULL,
      minute bigint NOT NULL,
      step integer NOT NULL,
      -- JSON text, kept to the letter.
      inputs text NOT NULL,
      state_digest text NOT NULL,
      PRIMARY KEY (book, minute, step)
    );

    -- What many steps have in common, by digest.
    CREATE TABLE step_texts (
      digest text PRIMARY KEY,
      content text NOT NULL,
      used_at bigint NOT NULL
    );

    CREATE TABLE replay_states (
      book text NOT NULL,
      minute bigint NOT NULL,
      place text NOT NULL CHECK (place IN ('before', 'after')),
      state text NOT NULL,
      feature_set_hash text NOT NULL,
      funding text NOT NULL,
      PRIMARY KEY (book, minute, place)
    );
  `,
  down: `
    DROP TABLE replay_states;
    DROP TABLE step_texts;
    DROP TABLE book_steps;
  `,
};
