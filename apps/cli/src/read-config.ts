import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  ConfigError,
  type ConfigJsonSchema,
  InvalidConfigError,
  inputPaths,
  parseHubName,
  UsageError,
} from '@parl-mt/schema';
import type { ConfigFlag } from './config-flags.js';
import { parseFlagValue, parseJson } from './flag-value.js';
import { kebabCase } from './kebab-case.js';

/** What the command line says about a configuration, as text. */
export interface ConfigArguments {
  /** Path of a JSON file with a (partial) configuration. */
  readonly file?: string | undefined;
  /** `key=value` texts of `--set`, in order. */
  readonly set: readonly string[];
  /** Value of `--seed` where it stands for every seed of the configuration. */
  readonly seed?: string | undefined;
  /** Flag name to text. */
  readonly flags: ReadonlyMap<string, string>;
}

type Section = Record<string, unknown>;

/**
 * Puts a configuration together, later sources winning: defaults of the schema, `--config` file, `--seed`, flags,
 * `--set`.
 *
 * @param parse - fills defaults in and checks everything; throws InvalidConfigError.
 * @param cwd - folder that relative paths start from.
 * @throws {UsageError | ConfigError} with the file or flag to change.
 */
export function readConfig<T>(
  flags: readonly ConfigFlag[],
  schema: ConfigJsonSchema,
  parse: (input: unknown, where: string) => T,
  given: ConfigArguments,
  cwd: string,
): T {
  const config = given.file === undefined ? {} : readConfigFile(resolve(cwd, given.file), given.file);
  if (given.seed !== undefined) {
    for (const flag of flags.filter(({ path }) => path.at(-1) === 'seed')) {
      setAt(config, flag.path, parseFlagValue(flag.schema, given.seed, '--seed'));
    }
  }
  for (const flag of flags) {
    const text = given.flags.get(flag.name);
    if (text !== undefined) {
      setAt(config, flag.path, parseFlagValue(flag.schema, text, `--${flag.name}`));
    }
  }
  for (const assignment of given.set) {
    applyAssignment(config, schema, assignment);
  }
  const parsed = withFlagNames(flags, () => parse(config, given.file ?? 'configuration'));
  checkInputPaths(parsed, flags, schema, cwd);
  return parsed;
}

function readConfigFile(path: string, shown: string): Section {
  if (!existsSync(path)) {
    throw new UsageError(`--config ${shown}: expected a JSON file, there is none`);
  }
  const value = parseJson(readFileSync(path, 'utf8'), shown);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigError(`${shown}: expected one JSON object, received ${value === null ? 'null' : typeof value}`);
  }
  return value as Section;
}

/** `--set rl.groupSize=4` (or `rl.group-size=4`); a section takes a JSON object. */
function applyAssignment(config: Section, schema: ConfigJsonSchema, assignment: string): void {
  const equals = assignment.indexOf('=');
  if (equals < 1) {
    throw new UsageError(`--set ${assignment}: expected key=value, such as rl.groupSize=4`);
  }
  const path: string[] = [];
  let field: ConfigJsonSchema | undefined = schema;
  for (const segment of assignment.slice(0, equals).split('.')) {
    const properties: Readonly<Record<string, ConfigJsonSchema>> = Object.assign(
      {},
      field?.properties,
      ...(field?.oneOf ?? []).map((branch) => branch.properties),
    );
    // An unknown key stays as written: the schema refuses it and lists the accepted ones.
    const key = Object.keys(properties).find((name) => name === segment || kebabCase(name) === segment) ?? segment;
    field = Object.hasOwn(properties, key) ? properties[key] : undefined;
    path.push(key);
  }
  const text = assignment.slice(equals + 1);
  setAt(
    config,
    path,
    parseFlagValue(field?.oneOf === undefined ? (field ?? {}) : { type: 'object' }, text, `--set ${path.join('.')}`),
  );
}

function setAt(config: Section, path: readonly string[], value: unknown): void {
  let section = config;
  for (const key of path.slice(0, -1)) {
    const next = Object.hasOwn(section, key) ? section[key] : undefined;
    if (typeof next !== 'object' || next === null || Array.isArray(next)) {
      // defineProperty: a plain assignment to "__proto__" would change the prototype and hide the key from the schema.
      Object.defineProperty(section, key, { value: {}, enumerable: true, writable: true, configurable: true });
    }
    section = Object.getOwnPropertyDescriptor(section, key)?.value as Section;
  }
  Object.defineProperty(section, path.at(-1)!, { value, enumerable: true, writable: true, configurable: true });
}

/** Words the problems of a configuration by the flag that mends them. */
function withFlagNames<T>(flags: readonly ConfigFlag[], parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof InvalidConfigError)) {
      throw error;
    }
    const lines = error.problems.map(({ path, message }) => {
      const flag = flags.find((candidate) => candidate.path.join('.') === path);
      const wording = message.replace(/^Invalid input: /, '').replace(/received undefined$/, 'received nothing');
      return flag === undefined
        ? `${path === '' ? '' : `${path}: `}${wording}`
        : `${path} (--${flag.name} <${flag.schema['x-input'] ?? flag.schema.type ?? 'value'}>): ${wording}`;
    });
    throw new ConfigError(lines.length === 1 ? lines[0]! : `invalid configuration:\n  ${lines.join('\n  ')}`, {
      cause: error,
    });
  }
}

function checkInputPaths(config: unknown, flags: readonly ConfigFlag[], schema: ConfigJsonSchema, cwd: string): void {
  for (const { path, value, kind } of inputPaths(schema, config)) {
    if (!existsSync(resolve(cwd, value)) && !(kind === 'model' && parseHubName(value) !== undefined)) {
      const flag = flags.find((candidate) => candidate.path.join('.') === path.join('.'))!;
      const expected =
        kind === 'model'
          ? 'an existing file or folder, or a model of the hub (owner/name or owner/name/FILE.gguf)'
          : 'an existing file or folder';
      throw new UsageError(`--${flag.name}: expected ${expected}, nothing at ${value}`);
    }
  }
}
