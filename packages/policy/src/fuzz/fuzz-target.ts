/** A parser of untrusted bytes, with valid inputs that mutations start from. */
export interface FuzzTarget {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  /** Parses; what it throws must be an error with code USAGE or CONFIG. Throws anything else when a result breaks its promises. */
  parse(bytes: Uint8Array): void;
}

/** Whether an input may end like this: the caller is told what is wrong with the file. */
export function isRefusal(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === 'USAGE' || code === 'CONFIG';
}
