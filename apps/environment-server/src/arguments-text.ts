import { jsonMemberText } from '@parl-mt/environments/json-text';

/**
 * The text of a member deep inside a JSON text, as it was spelled: `5` and `5.0` are different arguments to a tool, and a
 * parsed number has forgotten which it was.
 *
 * @param path - keys from the top; every member on the way must be an object.
 * @returns undefined where a member is absent.
 * @throws {JsonSyntaxError} for text nested deeper than 500 levels.
 */
export function memberText(text: string, path: readonly string[]): string | undefined {
  let member: string | undefined = text;
  for (const key of path) {
    if (member === undefined) return undefined;
    member = jsonMemberText(member, key);
  }
  return member;
}
