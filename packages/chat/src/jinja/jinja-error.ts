import { UsageError } from '@parl-mt/schema';

/**
 * What went wrong: `raised` by the template's own `raise_exception`; `limit` when it asks for more than it may have;
 * `security` when it reaches for what the sandbox hides; the others as Python names them.
 */
export type JinjaErrorKind =
  | 'syntax'
  | 'undefined'
  | 'type'
  | 'value'
  | 'raised'
  | 'limit'
  | 'security'
  | 'unsupported';

/** A template that cannot be read, or cannot be rendered with these variables. */
export class JinjaError extends UsageError {
  /** The message without the place. */
  readonly reason: string;
  readonly kind: JinjaErrorKind;
  /** Line of the template, from 1; 0 where there is none. */
  readonly line: number;
  /** Column in UTF-16 units, from 1; 0 where there is none. */
  readonly column: number;

  constructor(kind: JinjaErrorKind, reason: string, place: { readonly line: number; readonly column: number }) {
    super(`chat template, line ${place.line}, column ${place.column}: ${reason}`);
    this.reason = reason;
    this.kind = kind;
    this.line = place.line;
    this.column = place.column;
  }
}

/** Thrown inside the interpreter by code that does not know its place; becomes a {@link JinjaError} at the edge. */
export class JinjaFailure extends Error {
  readonly kind: JinjaErrorKind;
  /** Offset in the template in UTF-16 units, when already known. */
  readonly at: number | undefined;

  constructor(kind: JinjaErrorKind, reason: string, at?: number) {
    super(reason);
    this.kind = kind;
    this.at = at;
  }
}

/** Line and column of an offset. */
export function placeOf(source: string, at: number): { line: number; column: number } {
  const before = source.slice(0, at);
  const lineStart = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (let i = before.indexOf('\n'); i >= 0; i = before.indexOf('\n', i + 1)) line += 1;
  return { line, column: at - lineStart + 1 };
}
