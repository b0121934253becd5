import { InvalidConfigError } from '@parl-mt/schema';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { ApiError } from './api-error.js';
import type { errorSchema } from './run-resource.js';

/** Turns whatever a request threw into an error body. Unforeseen failures are logged and shown without details. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { statusCode, body } = describe(error);
  if (statusCode >= 500) {
    request.log.error(error);
  }
  return reply.code(statusCode).type('application/json; charset=utf-8').send(JSON.stringify(body));
}

function describe(error: unknown): { readonly statusCode: number; readonly body: z.infer<typeof errorSchema> } {
  const answer = (
    statusCode: number,
    code: string,
    message: string,
    problems: InvalidConfigError['problems'] = [],
  ) => ({
    statusCode,
    body: { error: { code, message, problems: [...problems] } },
  });
  if (error instanceof InvalidConfigError) {
    return answer(400, 'CONFIG', error.message, error.problems);
  }
  if (error instanceof ApiError) {
    return answer(error.statusCode, error.code, error.message, error.problems);
  }
  // Fastify's own refusals: body too long, no JSON, another content type.
  const { statusCode, code, message } = error as Partial<FastifyError>;
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return answer(statusCode, code ?? 'REQUEST', message ?? 'refused');
  }
  return answer(500, 'INTERNAL', 'internal error; the server log has the details');
}
