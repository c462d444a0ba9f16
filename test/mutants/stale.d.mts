export interface Fault {
  readonly name: string;
  readonly file: string;
  readonly text: string;
  readonly with: string;
  readonly tests: readonly { readonly kind: string; readonly file: string; readonly name?: string }[];
}

export function staleFaults(all?: readonly Fault[]): { readonly fault: Fault; readonly why: string }[];
