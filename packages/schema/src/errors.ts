/** Base of the errors this project throws on purpose; `code` is stable and machine-readable. */
export class ParlError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The caller must act: wrong flag, missing file, bad value. Shown without a stack; exit code 2. */
export class UsageError extends ParlError {
  constructor(message: string, options?: ErrorOptions) {
    super('USAGE', message, options);
  }
}

/** A configuration does not fit its schema, or its parts do not fit each other. */
export class ConfigError extends ParlError {
  constructor(message: string, options?: ErrorOptions) {
    super('CONFIG', message, options);
  }
}

/** The boundary at which a rollout failed. */
export type RolloutBoundary = 'model' | 'environment' | 'function_call' | 'reward';

/** A rollout failed at a boundary: recorded on its trajectory, never cancels its siblings. */
export class RolloutError extends ParlError {
  readonly boundary: RolloutBoundary;

  constructor(boundary: RolloutBoundary, message: string, options?: ErrorOptions) {
    super(`ROLLOUT_${boundary.toUpperCase()}`, message, options);
    this.boundary = boundary;
  }
}

/** A run was cancelled by its user. */
export class CancelledError extends ParlError {
  constructor(message = 'cancelled') {
    super('CANCELLED', message);
  }
}
