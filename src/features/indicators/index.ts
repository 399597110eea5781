export { Indicator } from './indicator.ts';
export { Ema } from './trend/ema.ts';
export { Sma } from './trend/sma.ts';
