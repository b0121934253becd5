/** Whether a text has more than so many bytes of UTF-8; does not count where its length alone tells. */
export function utf8BytesExceed(text: string, limit: number): boolean {
  // A UTF-16 unit takes one to three bytes; a surrogate pair, two units, takes four.
  if (text.length * 3 <= limit) return false;
  return text.length > limit || Buffer.byteLength(text) > limit;
}

/** The longest start of a text that fits into so many bytes of UTF-8 with no character split; lone surrogates become U+FFFD. */
export function cutToBytes(text: string, limit: number): string {
  if (limit <= 0) return '';
  const bytes = Buffer.from(text.slice(0, limit + 1));
  let end = Math.min(limit, bytes.length);
  // Bytes 10xxxxxx continue a character: the cut goes before its first byte.
  while (end > 0 && end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}
