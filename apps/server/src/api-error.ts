import type { ConfigProblem } from '@parl-mt/schema';

/** A refusal with its HTTP status; the error handler turns it into the body that {@link errorSchema} describes. */
export class ApiError extends Error {
  readonly statusCode: number;
  readonly code: string;
  readonly problems: readonly ConfigProblem[];

  constructor(statusCode: number, code: string, message: string, problems: readonly ConfigProblem[] = []) {
    super(message);
    this.name = 'ApiError';
    this.statusCode = statusCode;
    this.code = code;
    this.problems = problems;
  }
}
