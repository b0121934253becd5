import { type TauBenchResult, tauBenchResultSchema, UsageError } from '@parl-mt/schema';

/**
 * Reads the lines of an earlier run. A last line that a crash cut off is left out, as is the result of an episode that
 * failed for want of a model's answer: it says nothing about the policy, so it is played again.
 *
 * @throws {UsageError} for any other line that is no result.
 */
export function readResults(text: string, where: string): TauBenchResult[] {
  const lines = text.split('\n');
  const isCutOff = lines.at(-1) !== '';
  const whole = isCutOff ? lines.slice(0, -1) : lines;
  return whole
    .filter((line) => line.trim() !== '')
    .map((line, index) => {
      const parsed = tauBenchResultSchema.safeParse(parseLine(line));
      if (parsed.success) return parsed.data;
      throw new UsageError(`${where}:${index + 1}: expected a result of a tau-bench run; name an empty output folder`);
    })
    .filter(({ info }) => info.error?.kind !== 'model');
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
