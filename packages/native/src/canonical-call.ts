/** A parsed JSON value. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** What is left to write: text as it is, or a value that has yet to become text. */
type Pending = { readonly text: string } | { readonly value: JsonValue };

/**
 * One text for all spellings of a call: the name and the arguments as JSON without spaces, object keys sorted by UTF-16
 * code units at every depth. Calls with equal texts are the same call.
 *
 * @param call.arguments - any parsed JSON, of any depth (the arguments come from a model). Numbers that JSON cannot hold
 * (NaN, infinities) become null, as in JSON.stringify.
 */
export function canonicalCallText(call: { readonly name: string; readonly arguments: JsonValue }): string {
  const written: string[] = [JSON.stringify(call.name), ' '];
  // An explicit stack: recursion would overflow on arguments nested some thousand levels deep.
  const pending: Pending[] = [{ value: call.arguments }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if ('text' in next) written.push(next.text);
    else if (typeof next.value !== 'object' || next.value === null) written.push(JSON.stringify(next.value) ?? 'null');
    // A stack gives back in reverse.
    else for (const part of parts(next.value).reverse()) pending.push(part);
  }
  return written.join('');
}

function parts(container: readonly JsonValue[] | { readonly [key: string]: JsonValue }): Pending[] {
  if (isArray(container)) {
    const items = container.flatMap((value, i): Pending[] => (i > 0 ? [{ text: ',' }, { value }] : [{ value }]));
    return [{ text: '[' }, ...items, { text: ']' }];
  }
  const fields = Object.keys(container)
    .sort()
    .flatMap((key, i): Pending[] => [
      { text: `${i > 0 ? ',' : ''}${JSON.stringify(key)}:` },
      { value: container[key]! },
    ]);
  return [{ text: '{' }, ...fields, { text: '}' }];
}

function isArray(value: object): value is readonly JsonValue[] {
  return Array.isArray(value);
}
