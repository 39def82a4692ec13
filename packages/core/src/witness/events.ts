export interface Recorded {
  readonly component: string;
  readonly operation: string;
  readonly params?: Readonly<Record<string, string | number | boolean>>;
  readonly severity: 'debug' | 'info' | 'warn' | 'high';
  readonly type: 'witness.recorded';
}

export type WitnessEvent = Recorded;
