/** How a failure ends the process, and what the user reads. */
export interface ErrorDescription {
  /** 2: the user must change something; 130: cancelled; 1: the run failed. */
  readonly exitCode: 1 | 2 | 130;
  /** Stable code of the error; BUG where it has none of ours. */
  readonly code: string;
  /** What went wrong, without a stack. */
  readonly message: string;
  /** For stderr: the message alone for failures we foresee; bugs carry their stack. */
  readonly text: string;
}

/**
 * Sorts errors by their `code` property, not by class: an error that crossed a package boundary may come from another
 * copy of the class.
 */
export function describeError(error: unknown): ErrorDescription {
  if (!(error instanceof Error)) {
    const message = `a value was thrown that is no error: ${String(error)}`;
    return { exitCode: 1, code: 'BUG', message, text: message };
  }
  const { code, syscall } = error as NodeJS.ErrnoException;
  const { message } = error;
  if (code === 'USAGE' || code === 'CONFIG') {
    return { exitCode: 2, code, message, text: message };
  }
  if (code === 'CANCELLED' || error.name === 'AbortError') {
    return { exitCode: 130, code: 'CANCELLED', message, text: message };
  }
  // Node's own errors carry a code too (ERR_INVALID_ARG_TYPE): those are bugs. A failed system call is not.
  if (typeof code === 'string' && (syscall !== undefined || /^(ROLLOUT_|NATIVE)/.test(code))) {
    return { exitCode: 1, code, message, text: message };
  }
  return { exitCode: 1, code: 'BUG', message, text: error.stack ?? `${error.name}: ${message}` };
}
