import { canonicalCallText, type JsonValue } from '@parl-mt/native';
import type { ToolCall } from '@parl-mt/schema';
import { bestAssignment } from './assignment.js';

/**
 * How well one call matches another, in [0, 1]: 0 if the names differ, else the mean of 1 (the name), the Jaccard
 * index of the parameter names, and the share of parameters (of either call) whose values are equal.
 * After ToolRL (arXiv:2504.13958, section 3.3); our choices: the name gates the rest, and the scale is [0, 1].
 */
export function callSimilarity(emitted: ToolCall, expected: ToolCall): number {
  if (emitted.name !== expected.name) return 0;
  const a = canonicalValues(emitted.arguments);
  const b = canonicalValues(expected.arguments);
  const names = new Set([...a.keys(), ...b.keys()]);
  if (names.size === 0) return 1;
  let shared = 0;
  let equal = 0;
  for (const name of names) {
    if (!a.has(name) || !b.has(name)) continue;
    shared += 1;
    if (a.get(name) === b.get(name)) equal += 1;
  }
  return (1 + shared / names.size + equal / names.size) / 3;
}

/**
 * Functional correctness of one turn, in [0, 1]: the best one-to-one assignment of emitted to expected calls, its
 * total similarity over the mean number of calls on both sides (a Dice coefficient), so that calls nobody asked for
 * cost as much as missing ones.
 *
 * @returns 1 where both are empty.
 */
export function turnCorrectness(emitted: readonly ToolCall[], expected: readonly ToolCall[]): number {
  if (emitted.length === 0 && expected.length === 0) return 1;
  if (emitted.length === 0 || expected.length === 0) return 0;
  const scores = expected.map((wanted) => emitted.map((call) => callSimilarity(call, wanted)));
  const total = bestAssignment(scores).reduce((sum, column, row) => sum + (column < 0 ? 0 : scores[row]![column]!), 0);
  return (2 * total) / (emitted.length + expected.length);
}

/** Arguments as parsed JSON. Broken JSON, or anything but an object, counts as no arguments. */
export function parseArguments(text: string): Readonly<Record<string, JsonValue>> {
  try {
    const parsed = JSON.parse(text) as JsonValue;
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, JsonValue>)
      : {};
  } catch {
    return {};
  }
}

/** Values by name, each as canonical JSON text, so that values compare as text. */
function canonicalValues(text: string): Map<string, string> {
  return new Map(
    Object.entries(parseArguments(text)).map(([name, value]) => [
      name,
      canonicalCallText({ name: '', arguments: value }),
    ]),
  );
}
