import type { Predictor } from '../core/index.ts';

/** Holds the predictor that serves, so that another can take its place between two cycles. */
export interface PredictorSlot<Served extends Predictor = Predictor> {
  /** The one that serves the next use; undefined until the first is put in. */
  readonly current: Served | undefined;
  /** Works with the current predictor and keeps it open until done, also when it is replaced meanwhile. */
  use<Result>(work: (predictor: Served | undefined) => Promise<Result>): Promise<Result>;
  /** Makes `next` serve from the next use on; the old one is closed once its last use has ended. Resolves then. */
  swap(next: Served): Promise<void>;
  /** Takes the predictor out and closes it after its last use. */
  close(): Promise<void>;
}

interface Holding<Served> {
  readonly predictor: Served;
  uses: number;
  retired: (() => void) | undefined;
}

/** An empty slot. */
export function createPredictorSlot<Served extends Predictor = Predictor>(): PredictorSlot<Served> {
  let holding: Holding<Served> | undefined;

  async function retire(old: Holding<Served> | undefined): Promise<void> {
    if (!old) return;
    if (old.uses > 0) {
      await new Promise<void>((resolve) => {
        old.retired = resolve;
      });
    }
    await old.predictor.close();
  }

  return {
    get current() {
      return holding?.predictor;
    },
    async use(work) {
      const held = holding;
      if (!held) return work(undefined);
      held.uses++;
      try {
        return await work(held.predictor);
      } finally {
        held.uses--;
        if (held.uses === 0) held.retired?.();
      }
    },
    async swap(next) {
      const old = holding;
      if (old?.predictor === next) return;
      holding = { predictor: next, uses: 0, retired: undefined };
      await retire(old);
    },
    async close() {
      const old = holding;
      holding = undefined;
      await retire(old);
    },
  };
}
