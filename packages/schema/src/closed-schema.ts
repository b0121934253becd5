import { z } from 'zod';

/**
 * The same configuration schema made fit for untrusted input, at every depth:
 * - unknown keys are refused: an option that is silently ignored is worse than a refused one;
 * - a section's own defaults (`prefault({ learningRate: 5e-4 })`) become the defaults of its fields, so that setting
 *   one field of a section leaves the others as documented, and a JSON Schema shows the defaults that apply.
 *
 * Checks and metadata of the sections are kept; leaves are untouched.
 */
export function closeSchema<T extends z.ZodType>(schema: T): T {
  return close(schema, undefined) as unknown as T;
}

function close(schema: z.ZodType, sectionDefault: unknown): z.ZodType {
  if (schema instanceof z.ZodPrefault) {
    const own = schema.def.defaultValue;
    const inner = schema.unwrap() as z.ZodType;
    const value = sectionDefault === undefined ? own : mergeSections(own, sectionDefault);
    return inner instanceof z.ZodObject
      ? keepMeta(schema, close(inner, value).prefault({}))
      : keepMeta(schema, inner.prefault(value as never));
  }
  if (schema instanceof z.ZodObject) {
    const values = (sectionDefault ?? {}) as Record<string, unknown>;
    const shape = Object.fromEntries(
      Object.entries(schema.shape as Record<string, z.ZodType>).map(([key, field]) => [key, close(field, values[key])]),
    );
    const closed = z.strictObject(shape);
    const checks = schema.def.checks ?? [];
    return keepMeta(schema, checks.length > 0 ? closed.check(...(checks as Parameters<typeof closed.check>)) : closed);
  }
  if (schema instanceof z.ZodOptional) {
    return keepMeta(schema, close(schema.unwrap() as z.ZodType, sectionDefault).optional());
  }
  if (schema instanceof z.ZodDefault && sectionDefault !== undefined) {
    return keepMeta(schema, (schema.unwrap() as z.ZodType).default(sectionDefault as never));
  }
  return schema;
}

function mergeSections(own: unknown, outer: unknown): unknown {
  const isSection = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isSection(own) || !isSection(outer)) {
    return outer;
  }
  const merged: Record<string, unknown> = { ...own };
  for (const [key, value] of Object.entries(outer)) {
    merged[key] = mergeSections(own[key], value);
  }
  return merged;
}

/** Metadata lives on a schema instance: a rebuilt one takes over what the original was given. */
function keepMeta(original: z.ZodType, rebuilt: z.ZodType): z.ZodType {
  const meta = original.meta();
  return meta === undefined ? rebuilt : rebuilt.meta(meta);
}
