import type { ConfigJsonSchema } from '@parl-mt/schema';
import { type Command, Option } from 'commander';
import { type ConfigFlag, constraintText, valueName } from './config-flags.js';
import type { CliHost } from './host.js';
import { readConfig } from './read-config.js';

/** Declares `--config`, `--set`, `--seed` and every flag of the schema, grouped by section. */
export function addConfigOptions(command: Command, flags: readonly ConfigFlag[]): void {
  command
    .option('--config <file>', 'JSON file with the configuration or a part of it; flags win over it.')
    .option(
      '--set <key=value>',
      'Set one key by its dotted name; may be repeated, wins over flags.',
      (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
    );
  if (flags.some(({ path }) => path.at(-1) === 'seed') && !flags.some(({ name }) => name === 'seed')) {
    command.option('--seed <integer>', 'Set every seed of the configuration that has no flag of its own.');
  }
  for (const flag of flags) {
    const constraints = constraintText(flag.schema);
    const description = `${flag.schema.description ?? ''}${constraints === '' ? '' : ` (${constraints})`}${flag.isRequired ? ' Required.' : ''}`;
    const isBoolean = flag.schema.type === 'boolean';
    const option = new Option(
      `--${flag.name} ${isBoolean ? '[true|false]' : `<${valueName(flag.schema)}>`}`,
      description,
    );
    if (isBoolean) {
      option.preset('true');
    }
    option.helpGroup(flag.section === '' ? 'Options:' : `${flag.section}:`);
    command.addOption(option);
  }
}

/**
 * The configuration that a command was given, every default filled in.
 *
 * @param parse - checks everything; throws InvalidConfigError.
 * @throws {UsageError | ConfigError} with the file or flag to change.
 */
export function configOf<T>(
  command: Command,
  options: Readonly<Record<string, unknown>>,
  flags: readonly ConfigFlag[],
  schema: ConfigJsonSchema,
  parse: (input: unknown, where: string) => T,
  host: CliHost,
): T {
  const texts = new Map<string, string>();
  for (const option of command.options) {
    const text = options[option.attributeName()];
    if (typeof text === 'string') {
      texts.set(option.long!.slice('--'.length), text);
    }
  }
  const hasOwnSeed = flags.some(({ name }) => name === 'seed');
  return readConfig(
    flags,
    schema,
    parse,
    {
      file: texts.get('config'),
      set: (options.set as readonly string[] | undefined) ?? [],
      seed: hasOwnSeed ? undefined : texts.get('seed'),
      flags: texts,
    },
    host.cwd,
  );
}
