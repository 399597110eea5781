import type { Migration } from './migration.ts';

/** What people told a book, and what came of it. */
export const bookCommands: Migration = {
  id: '0008-book-commands',
  up: `
    CREATE TABLE book_commands (
      command_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      book text NOT NULL,
      command text NOT NULL CHECK (command IN ('halt', 'reduce', 'resume', 'close-all')),
      actor text NOT NULL,
      reason text,
      time bigint NOT NULL,
      -- Market time; set in the transaction that has the effect.
      applied_at bigint,
      outcome text CHECK (outcome IN ('ACTIVE', 'REDUCING', 'HALTED')),
      CHECK ((applied_at IS NULL) = (outcome IS NULL))
    );
    CREATE INDEX book_commands_pending ON book_commands (book, command_id) WHERE applied_at IS NULL;
  `,
  down: `
    DROP TABLE book_commands;
  `,
};
