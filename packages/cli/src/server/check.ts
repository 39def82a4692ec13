/** One finding of `ifab doctor`. */
export interface Check {
  readonly name: string;
  /** `warn` is worth knowing and fails nothing. */
  readonly state: 'ok' | 'warn' | 'failed';
  readonly found: string;
  /** What mends it. */
  readonly mend?: string;
}
