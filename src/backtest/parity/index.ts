export { type ParityRange, parityRange } from './parity-range.ts';
export { type ParityOptions, type ParityReport, proveParity } from './prove-parity.ts';
export { type Divergence, PARITY_STAGES, type ParityStage } from './tally.ts';
