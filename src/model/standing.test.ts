import { describe, expect, it } from 'vitest';
import { epochMs, HORIZON_NAMES, type Horizon } from '../core/index.ts';
import type { HorizonFigures, ModelSummary } from './model-summary.ts';
import { compareModels } from './standing.ts';

function summary(loss: number | null, coefficients: Partial<Record<Horizon, number>>, to = 1): ModelSummary {
  return {
    kind: 'unified-patchtst',
    windows: { test: { from: epochMs(0), to: epochMs(to), rows: 1 } },
    market: { source: 'real', plantedEdge: false },
    figures: Object.fromEntries(
      HORIZON_NAMES.map((horizon): [Horizon, HorizonFigures] => [
        horizon,
        {
          logLoss: loss,
          informationCoefficient: coefficients[horizon] ?? null,
          rawInformationCoefficient: null,
          logLossOfMajority: 1.1,
          macroF1: 0.3,
        },
      ]),
    ) as Record<Horizon, HorizonFigures>,
    linearFigures: null,
    macroF1: 0.3,
  };
}

describe('champion and challenger', () => {
  it('are compared by log-loss and information coefficient, the mean of the horizons that both have', () => {
    const champion = summary(1.05, { '15m': 0.04, '1h': 0.06, '4h': 0.9 });
    const challenger = summary(1.06, { '15m': 0.03, '1h': 0.05 });
    expect(compareModels(champion, challenger)).toBe(
      'log-loss 1.0500 to 1.0600, IC 0.0500 to 0.0400 (15m, 1h): the champion is better',
    );
    expect(compareModels(challenger, champion)).toMatch(/: the challenger is better$/);
  });

  it('are told apart by the log-loss where the two figures disagree', () => {
    const [a, b] = [summary(1.05, { '15m': 0.03 }), summary(1.06, { '15m': 0.04 })];
    expect(compareModels(a, b)).toMatch(/better by the log-loss, which decides, not by the IC$/);
    expect(compareModels(b, a)).toMatch(/better by the IC, not by the log-loss$/);
  });

  it('are compared on the same rows where one is linear and the other was judged beside a linear model', () => {
    const linear = { ...summary(1.04, { '15m': 0.08 }), kind: 'linear-baseline' };
    const network = { ...summary(1.05, { '15m': 0.05 }), linearFigures: summary(1.06, { '15m': 0.04 }).figures };
    expect(compareModels(network, linear)).toBe(
      'log-loss 1.0500 to 1.0600, IC 0.0500 to 0.0400 (15m): the champion is better',
    );
    expect(compareModels(linear, network)).toMatch(/^log-loss 1.0600 to 1.0500, .*: the challenger is better$/);
  });

  it('are not called better where figures are missing, and said to be of other windows where they are', () => {
    expect(compareModels(summary(null, {}), summary(1, {}))).toBe('log-loss n/a, IC n/a: no figures to compare');
    expect(compareModels(summary(1, {}), summary(2, {}, 9))).toBe(
      'log-loss 1.0000 to 2.0000, IC n/a: the champion is better (of different markets or test windows)',
    );
  });
});
