export interface PriceSet {
  readonly by: string;
  readonly cachedMicroUsdPerMTok?: number;
  readonly inputMicroUsdPerMTok: number;
  readonly model: string;
  readonly outputMicroUsdPerMTok: number;
  readonly source: string;
  readonly type: 'price.set';
}

export type OptimiseEvent = PriceSet;
