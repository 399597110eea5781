/**
 * ((C - L) - (H - C)) / (H - L) · V: the volume of a bar, from whole where it closed at its high to minus the whole at its low; 0 without
 * range.
 */
export function moneyFlowVolume(high: number, low: number, close: number, volume: number): number {
  const range = high - low;
  return range > 0 ? ((close - low - (high - close)) / range) * volume : 0;
}
