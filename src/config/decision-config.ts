import { type Config, configSchema } from './schema.ts';

/** What the configuration says of decisions, as text: no address, no path of this machine, no secret. */
export function decisionConfigText(config: Config): string {
  const { mode, universe, costs, risk, sizing, strategies, strategies_net, exchange, ml_integration } = config;
  return JSON.stringify({
    mode,
    universe,
    costs,
    risk,
    sizing,
    strategies,
    strategies_net,
    exchange: { id: exchange.id, account: exchange.account },
    ml_integration: { ...ml_integration, model: { ...ml_integration.model, directory: null } },
  });
}

/** The configuration that such a text is of; what it leaves out is as by default. @throws ZodError, SyntaxError */
export const parseDecisionConfig = (text: string): Config => configSchema.parse(JSON.parse(text));
