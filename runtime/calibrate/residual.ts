/** One measurement beside what the fitted figures say of it. */
export interface Residual {
  readonly what: string;
  readonly measuredNs: number;
  readonly fittedNs: number;
}
