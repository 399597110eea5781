import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeBookState } from '../../src/engine/book-state-text.ts';
import { dataOf } from '../../src/engine/decide-fixtures.ts';
import { runScenario, SCENARIOS, type ScenarioRun } from './scenarios.ts';

/*
 * What twenty books decided is pinned: whatever makes deciding faster or simpler must not change a single order, fill or cent. A change
 * that is meant is taken over by `UPDATE_GOLDEN=1 npx vitest run test/golden`, and CHANGELOG.md says why,
 * under "Changed decisions".
 */

const FILE = new URL('./decisions.json', import.meta.url);

interface Golden {
  readonly intents: number;
  readonly fills: number;
  readonly equity: string;
  readonly fillsHash: string;
  readonly decisionsHash: string;
  readonly stateHash: string;
}

const pinned: Readonly<Record<string, Golden>> = JSON.parse(readFileSync(FILE, 'utf8'));

describe('the decisions of a book', () => {
  it('are those that are pinned, over random markets with shocks, holes, commands, restarts and every kind of strategy', async () => {
    const runs: Record<string, Golden> = {};
    for (const seed of SCENARIOS) runs[seed] = goldenOf(await runScenario(seed));
    if (process.env.UPDATE_GOLDEN) writeFileSync(FILE, `${JSON.stringify(runs, null, 2)}\n`);
    else expect(runs).toEqual(pinned);
  });
});

function goldenOf({ decisions, state }: ScenarioRun): Golden {
  const fills = decisions.flatMap((decision) => decision.fills);
  return {
    intents: decisions.reduce((sum, { intents }) => sum + intents.length, 0),
    fills: fills.length,
    equity: decisions.at(-1)?.equity.equity ?? '',
    fillsHash: hashOf(fills),
    decisionsHash: hashOf(decisions.map(dataOf)),
    stateHash: hashOf(encodeBookState(state)),
  };
}

/** Over JSON with sorted keys: how an object was built does not matter. */
function hashOf(value: unknown): string {
  const text = JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
