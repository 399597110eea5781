import type { Migration } from './migration.ts';

/** Which model a book calls its champion and its challenger, and every promotion: what a rollback goes back by. */
export const modelRegistry: Migration = {
  id: '0006-model-registry',
  up: `
    -- One model per alias, and one alias per model, whoever promotes at the same time.
    CREATE TABLE model_aliases (
      book text NOT NULL,
      alias text NOT NULL CHECK (alias IN ('champion', 'challenger')),
      model_id text NOT NULL REFERENCES models,
      PRIMARY KEY (book, alias),
      UNIQUE (book, model_id)
    );

    -- The champion is the newest promotion that was not taken back.
    CREATE TABLE model_promotions (
      promotion_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      book text NOT NULL,
      alias text NOT NULL CHECK (alias IN ('champion', 'challenger')),
      model_id text NOT NULL REFERENCES models,
      time bigint NOT NULL,
      actor text NOT NULL,
      taken_back_at bigint
    );
    CREATE INDEX model_promotions_book ON model_promotions (book, alias, promotion_id);

    -- There was one book, and the status of a model was all that was known of it.
    INSERT INTO model_promotions (book, alias, model_id, time, actor)
      SELECT 'main', 'champion', model_id, created_at, 'engine' FROM models
      WHERE status <> 'candidate' ORDER BY status = 'champion', created_at, model_id;
    INSERT INTO model_aliases
      SELECT 'main', 'champion', model_id FROM models WHERE status = 'champion' ORDER BY created_at DESC, model_id DESC LIMIT 1;
    ALTER TABLE models DROP COLUMN status;
  `,
  down: `
    ALTER TABLE models ADD COLUMN status text CHECK (status IN ('candidate', 'champion', 'retired'));
    UPDATE models SET status = CASE
      WHEN model_id IN (SELECT model_id FROM model_aliases WHERE alias = 'champion') THEN 'champion'
      WHEN model_id IN (SELECT model_id FROM model_promotions WHERE alias = 'champion') THEN 'retired'
      ELSE 'candidate' END;
    ALTER TABLE models ALTER COLUMN status SET NOT NULL;
    DROP TABLE model_promotions;
    DROP TABLE model_aliases;
  `,
};
