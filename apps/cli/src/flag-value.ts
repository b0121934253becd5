import { type ConfigJsonSchema, UsageError } from '@parl-mt/schema';

/**
 * Text from the command line as the value its schema asks for. Ranges and choices are checked by the schema later;
 * this only decides the type.
 *
 * @param flag - as the user wrote it, for the message.
 * @throws {UsageError} when the text cannot be such a value.
 */
export function parseFlagValue(schema: ConfigJsonSchema, text: string, flag: string): unknown {
  switch (schema.type) {
    case 'number':
    case 'integer':
      // Number('') is 0 and Number('0x10') is 16: neither is what was meant.
      if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) {
        throw new UsageError(
          `${flag}: expected ${schema.type === 'integer' ? 'an integer' : 'a number'}, received "${text}"`,
        );
      }
      return Number(text);
    case 'boolean':
      if (text !== 'true' && text !== 'false') {
        throw new UsageError(`${flag}: expected true or false, received "${text}"`);
      }
      return text === 'true';
    case 'array':
      if (text.startsWith('[')) {
        return parseJson(text, flag);
      }
      return text === '' ? [] : text.split(',').map((item) => parseFlagValue(schema.items ?? {}, item.trim(), flag));
    case 'object':
      return parseJson(text, flag);
    default:
      return text;
  }
}

/** @throws {UsageError} naming where the text came from. */
export function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${where}: expected JSON, ${error instanceof Error ? error.message : String(error)}`);
  }
}
