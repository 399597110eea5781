import { waitReal } from '../core/index.ts';
import type { FaultRequest } from './fault-spec.ts';
import { fixtureMarket } from './market-fixture.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from './server.ts';

/** A running simulator with what tests ask of it. */
export interface TestBench {
  readonly simulator: Simulator;
  get(path: string): Promise<{ status: number; headers: Headers; body: unknown }>;
  rows(path: string): Promise<(string | number)[][]>;
  post(path: string, body: unknown, token?: string): Promise<{ status: number; body: unknown }>;
  fault(spec: FaultRequest): Promise<string>;
  /** Acknowledges `count` minutes, one after another. */
  advance(count?: number): Promise<void>;
  close(): Promise<void>;
}

export async function startBench(options: Partial<SimulatorOptions> = {}): Promise<TestBench> {
  const simulator = await startSimulator({ market: fixtureMarket({}), port: 0, speed: 'max', ...options });
  const get: TestBench['get'] = async (path) => {
    const response = await fetch(simulator.url + path);
    return { status: response.status, headers: response.headers, body: await response.json() };
  };
  const post: TestBench['post'] = async (path, body, token = simulator.token) => {
    const response = await fetch(simulator.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  };
  return {
    simulator,
    get,
    post,
    rows: async (path) => (await get(path)).body as (string | number)[][],
    fault: async (spec) => {
      const { status, body } = await post('/sim/v1/faults', spec);
      if (status !== 201) throw new Error(JSON.stringify(body));
      return (body as { id: string }).id;
    },
    advance: async (count = 1) => {
      for (let i = 0; i < count; i++) {
        const { status, body } = await post('/sim/v1/advance', { minute: simulator.status().minute });
        if (status !== 200) throw new Error(JSON.stringify(body));
      }
    },
    close: () => simulator.close(),
  };
}

/** Waits until `holds`, looking often. @throws after ten seconds. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 2_000; i++) {
    if (holds()) return;
    await waitReal(5);
  }
  throw new Error(`not in ten seconds: ${what}`);
}
