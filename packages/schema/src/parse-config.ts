import { z } from 'zod';
import { ConfigError } from './errors.js';

/**
 * Parses a configuration and words every problem as path, expectation and what arrived. Unknown keys are errors:
 * an option that is silently ignored is worse than a refused one.
 *
 * @param schema - an object schema; nested objects are made strict too.
 * @param input - untrusted value.
 * @param where - what the value is, for the message ("config.json", "request body").
 * @throws {ConfigError} naming each offending path.
 */
export function parseConfig<T extends z.ZodType>(schema: T, input: unknown, where: string): z.infer<T> {
  const unknownKeys = findUnknownKeys(schema, input, []);
  const parsed = schema.safeParse(input);
  const problems = unknownKeys.map(
    ({ path, accepted }) => `${path.join('.')}: unknown key; accepted here: ${accepted.join(', ')}`,
  );
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      problems.push(`${issue.path.join('.') || '(top level)'}: ${issue.message}`);
    }
  }
  if (problems.length > 0 || !parsed.success) {
    throw new ConfigError(`invalid ${where}:\n  ${problems.join('\n  ')}`);
  }
  return parsed.data;
}

interface UnknownKey {
  readonly path: readonly string[];
  readonly accepted: readonly string[];
}

function findUnknownKeys(schema: z.ZodType, input: unknown, path: readonly string[]): UnknownKey[] {
  const objectSchema = unwrap(schema);
  if (!(objectSchema instanceof z.ZodObject) || typeof input !== 'object' || input === null || Array.isArray(input)) {
    return [];
  }
  const shape = objectSchema.shape as Record<string, z.ZodType>;
  return Object.entries(input).flatMap(([key, value]) => {
    const field = Object.hasOwn(shape, key) ? shape[key] : undefined;
    return field === undefined
      ? [{ path: [...path, key], accepted: Object.keys(shape) }]
      : findUnknownKeys(field, value, [...path, key]);
  });
}

/** Strips defaults and optionality down to the schema that holds the shape. */
function unwrap(schema: z.ZodType): z.ZodType {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional) {
    inner = inner.unwrap() as z.ZodType;
  }
  return inner;
}
