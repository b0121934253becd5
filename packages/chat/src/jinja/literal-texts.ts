/** Texts that a template contains: what stands between its tags, and its string constants. */
export function literalTexts(program: unknown): string[] {
  const texts: string[] = [];
  const pending: unknown[] = [program];
  while (pending.length > 0) {
    const node = pending.pop();
    if (Array.isArray(node)) {
      pending.push(...(node as unknown[]));
      continue;
    }
    if (typeof node !== 'object' || node === null) continue;
    const { kind, text, value } = node as { kind?: unknown; text?: unknown; value?: unknown };
    if (kind === 'text' && typeof text === 'string') texts.push(text);
    else if (kind === 'const' && typeof value === 'string') texts.push(value);
    else pending.push(...Object.values(node));
  }
  return texts;
}
