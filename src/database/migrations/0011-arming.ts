import type { Migration } from './migration.ts';

/** Commands that arm and disarm live trading, and on what terms. */
export const arming: Migration = {
  id: '0011-arming',
  up: `
    ALTER TABLE book_commands
      DROP CONSTRAINT book_commands_command_check,
      ADD CONSTRAINT book_commands_command_check
        CHECK (command IN ('halt', 'reduce', 'resume', 'close-all', 'arm', 'disarm')),
      ADD COLUMN terms jsonb,
      ADD CONSTRAINT book_commands_terms CHECK ((command = 'arm') = (terms IS NOT NULL));
  `,
  // The older form knows no arming.
  down: `
    DELETE FROM book_commands WHERE command IN ('arm', 'disarm');
    ALTER TABLE book_commands
      DROP CONSTRAINT book_commands_terms,
      DROP COLUMN terms,
      DROP CONSTRAINT book_commands_command_check,
      ADD CONSTRAINT book_commands_command_check CHECK (command IN ('halt', 'reduce', 'resume', 'close-all'));
  `,
};
