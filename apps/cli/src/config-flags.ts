import type { ConfigJsonSchema } from '@parl-mt/schema';
import { kebabCase } from './kebab-case.js';

/** One command-line flag, derived from one leaf of a configuration schema. */
export interface ConfigFlag {
  /** Keys from the top of the configuration to the leaf. */
  readonly path: readonly string[];
  /** Name without dashes: `rl.group-size`. */
  readonly name: string;
  /** Section that help lists the flag under: the path without its last key; empty at the top. */
  readonly section: string;
  readonly schema: ConfigJsonSchema;
  readonly isRequired: boolean;
}

/**
 * The flags of a configuration. Nested keys are joined by dots and written in kebab case (`rl.optimizer.learningRate`
 * is `--rl.optimizer.learning-rate`), unless the schema names the flag itself. Branches of a union share one section.
 */
export function configFlags(schema: ConfigJsonSchema, path: readonly string[] = []): ConfigFlag[] {
  return Object.entries(mergedProperties(schema)).flatMap(([key, field]) => {
    const fieldPath = [...path, key];
    if (isSection(field)) {
      return configFlags(field, fieldPath);
    }
    const isRequired = field.default === undefined && (schema.required ?? []).includes(key);
    return [
      {
        path: fieldPath,
        name: field['x-flag'] ?? fieldPath.map(kebabCase).join('.'),
        section: path.join('.'),
        schema: field,
        isRequired,
      },
    ];
  });
}

/** What may stand after the flag, for help: `<integer>`, `<path>`, `<a|b>`. */
export function valueName(schema: ConfigJsonSchema): string {
  if (schema.enum !== undefined) {
    return schema.enum.join('|');
  }
  if (schema.type === 'array') {
    return `${valueName(schema.items ?? {})},...`;
  }
  if (schema['x-input'] === 'model') {
    return 'path|id';
  }
  if (schema['x-input'] === 'path' || schema['x-flag'] === 'out') {
    return 'path';
  }
  return schema.type === 'string' ? 'text' : (schema.type ?? 'json');
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) {
    return value.join(',') || 'none';
  }
  if (typeof value !== 'object' || value === null) {
    return String(value);
  }
  return Object.keys(value).length === 0 ? 'none' : JSON.stringify(value);
}

/** Default and range of a field as one short text, such as `default 8; at least 2`; empty where there is neither. */
export function constraintText(schema: ConfigJsonSchema): string {
  const parts: string[] = [];
  if (schema.default !== undefined) {
    parts.push(`default ${valueText(schema.default)}`);
  }
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  // Integers carry the safe range of doubles as bounds, which says nothing about the field.
  const isBound = (bound: number | undefined): bound is number =>
    bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  if (isBound(minimum)) {
    parts.push(`at least ${minimum}`);
  }
  if (isBound(exclusiveMinimum)) {
    parts.push(`above ${exclusiveMinimum}`);
  }
  if (isBound(maximum)) {
    parts.push(`at most ${maximum}`);
  }
  if (isBound(exclusiveMaximum)) {
    parts.push(`below ${exclusiveMaximum}`);
  }
  return parts.join('; ');
}

function isSection(field: ConfigJsonSchema): boolean {
  return field.properties !== undefined || field.oneOf !== undefined;
}

/** Properties of a section; the constants that tell a union's branches apart become one list of choices. */
function mergedProperties(schema: ConfigJsonSchema): Readonly<Record<string, ConfigJsonSchema>> {
  if (schema.oneOf === undefined) {
    return schema.properties ?? {};
  }
  const merged: Record<string, ConfigJsonSchema> = {};
  for (const branch of schema.oneOf) {
    for (const [key, field] of Object.entries(branch.properties ?? {})) {
      const seen = merged[key];
      if (field.const === undefined) {
        merged[key] = field;
      } else {
        const description = [seen?.description, `${String(field.const)}: ${field.description ?? ''}`];
        merged[key] = {
          type: 'string',
          enum: [...(seen?.enum ?? []), field.const],
          description: description.filter((text) => text !== undefined).join(' '),
        };
      }
    }
  }
  return merged;
}
