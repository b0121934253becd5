import type { ToolSpec } from '@parl-mt/schema';
import { literalFromUnknown, writePython } from './literal-value.js';

/**
 * Python-like signature of a function, without types: `echo(content, file_name='')`.
 * An optional parameter shows its default, or `?` where the specification names none.
 */
export function renderToolSignature(tool: ToolSpec): string {
  const required = new Set(asArray(tool.parameters.required));
  const parameters = Object.entries(asRecord(tool.parameters.properties)).map(([name, specification]) => {
    if (required.has(name)) {
      return name;
    }
    const fallback = asRecord(specification).default;
    if (fallback === undefined) {
      return `${name}?`;
    }
    // Specifications derived from Python functions (BFCL) write the default None as the string "None".
    return `${name}=${fallback === 'None' ? 'None' : writePython(literalFromUnknown(fallback))}`;
  });
  return `${tool.name}(${parameters.join(', ')})`;
}

/** The functions a policy may call, one signature per line in the given order. */
export function renderTools(tools: readonly ToolSpec[]): string {
  return tools.map(renderToolSignature).join('\n');
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
