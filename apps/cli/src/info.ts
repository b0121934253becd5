import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';

/** Version of this package. */
export function cliVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return manifest.version;
}

/** What this installation can do. */
export interface Info {
  readonly version: string;
  readonly node: string;
  readonly platform: string;
  readonly cores: number;
  readonly memoryBytes: number;
  /** The addon's report, or why it did not load. */
  readonly native: Readonly<Record<string, unknown>> | { readonly error: string };
}

/** Never throws: a missing addon is part of the answer. */
export async function collectInfo(): Promise<Info> {
  return {
    version: cliVersion(),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    native: await collectNative(),
  };
}

async function collectNative(): Promise<Info['native']> {
  try {
    const { nativeInfo } = await import('@parl-mt/native');
    return { ...nativeInfo() };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** The same for people, one line each. */
export function formatInfo(info: Info): string {
  const native = Object.entries(info.native).map(([name, value]) => `  ${name}: ${describeValue(value)}`);
  return [
    `parl-mt ${info.version}`,
    `node ${info.node} on ${info.platform}, ${info.cores} cores, ${(info.memoryBytes / 2 ** 30).toFixed(1)} GiB`,
    'native addon',
    ...native,
    '',
  ].join('\n');
}

/** Lists as `a, b`, records as `key value, key value`, a list of records with `; ` between them. */
function describeValue(value: unknown): string {
  if (Array.isArray(value)) {
    return value.map(describeValue).join(value.some((item) => typeof item === 'object') ? '; ' : ', ');
  }
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([key, item]) => `${key} ${describeValue(item)}`)
    .join(', ');
}
