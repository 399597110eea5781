/** Which market a system trades on. */
export type MarketChoice =
  | { readonly kind: 'generated'; readonly seed: number; readonly edge: boolean; readonly speed: number | 'max' }
  | { readonly kind: 'replay'; readonly replay: string; readonly history?: string; readonly speed: number | 'max' }
  | { readonly kind: 'external'; readonly url: string }
  | { readonly kind: 'real' };
