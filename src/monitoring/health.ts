import type { Clock, EpochMs, Metrics } from '../core/index.ts';

export const COMPONENT_STATES = ['READY', 'STARTING', 'DEGRADED', 'FAILED', 'STOPPED'] as const;
export type ComponentState = (typeof COMPONENT_STATES)[number];

export interface ComponentHealth {
  readonly name: string;
  readonly state: ComponentState;
  /** Why it is not READY. */
  readonly reason?: string;
  /** Market time of the change to this state. */
  readonly since: EpochMs;
}

export interface SystemHealth {
  readonly state: ComponentState;
  readonly components: readonly ComponentHealth[];
}

export interface Health {
  /** Reports a component's state; the first report makes it known. */
  report(name: string, state: ComponentState, reason?: string): void;
  snapshot(): SystemHealth;
}

/** The states of a system's components, in the order they became known. */
export function createHealth(clock: Clock, metrics: Metrics): Health {
  const components = new Map<string, ComponentHealth>();
  return {
    report(name, state, reason) {
      const before = components.get(name);
      const since = before?.state === state ? before.since : clock.now();
      components.set(name, { name, state, since, ...(reason === undefined ? {} : { reason }) });
      for (const each of COMPONENT_STATES) {
        metrics.gauge('minutehand_component_state', each === state ? 1 : 0, { component: name, state: each });
      }
    },
    snapshot: () => ({ state: overallState([...components.values()]), components: [...components.values()] }),
  };
}

/**
 * The worst counts: one FAILED component fails the system. One that has stopped while others run degrades it; without any
 * component the system is still STARTING.
 */
export function overallState(components: readonly Pick<ComponentHealth, 'state'>[]): ComponentState {
  const has = (state: ComponentState) => components.some((component) => component.state === state);
  if (components.length === 0) return 'STARTING';
  if (has('FAILED')) return 'FAILED';
  if (components.every(({ state }) => state === 'STOPPED')) return 'STOPPED';
  if (has('DEGRADED') || (has('STOPPED') && !has('STARTING'))) return 'DEGRADED';
  return has('STARTING') ? 'STARTING' : 'READY';
}
