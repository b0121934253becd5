import type { ConfigJsonSchema } from './run-config.js';

/** A text of a configuration that its schema marks as an input path (`x-input`). */
export interface InputPath {
  /** Keys from the top of the configuration. */
  readonly path: readonly string[];
  readonly value: string;
  /** `model`: it may also be a name of the hub, see `parseHubName`. */
  readonly kind: 'path' | 'model';
}

/**
 * The input paths that a parsed configuration names, in the order of its schema.
 *
 * @param schema - JSON Schema of the configuration.
 * @param config - what the schema accepted.
 */
export function inputPaths(schema: ConfigJsonSchema, config: unknown, path: readonly string[] = []): InputPath[] {
  const kind = schema['x-input'];
  if (kind !== undefined) {
    return typeof config === 'string' ? [{ path, value: config, kind }] : [];
  }
  if (typeof config !== 'object' || config === null) {
    return [];
  }
  // A union's branches are closed: only the branch that was accepted has the keys that are there.
  return (schema.oneOf ?? [schema])
    .flatMap((branch) => Object.entries(branch.properties ?? {}))
    .flatMap(([key, field]) => inputPaths(field, (config as Record<string, unknown>)[key], [...path, key]));
}
