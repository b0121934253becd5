/** Deeper arguments could exhaust the stack of whoever writes or reads them. */
const MAX_DEPTH = 100;

export type ToolArguments =
  | { readonly ok: true; readonly value: Record<string, unknown> }
  | { readonly ok: false; readonly problem: string };

/**
 * A call's arguments as an object. Numbers keep their value, not their spelling: JSON-RPC knows no difference between 5
 * and 5.0.
 */
export function readToolArguments(text: string): ToolArguments {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : String(error) };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return {
      ok: false,
      problem: `received ${value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value}`,
    };
  }
  if (exceedsDepth(value)) return { ok: false, problem: `received more than ${MAX_DEPTH} nested levels` };
  return { ok: true, value: value as Record<string, unknown> };
}

/** Level by level, since a recursion would exhaust the stack itself. */
function exceedsDepth(value: object): boolean {
  let level: object[] = [value];
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    level = level.flatMap((parent) =>
      Object.values(parent).filter((child): child is object => typeof child === 'object' && child !== null),
    );
    if (level.length === 0) return false;
  }
  return true;
}
