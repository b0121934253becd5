/**
 * GPT-2's printable character for each of the 256 bytes: bytes that are visible Latin-1 characters stand for themselves,
 * the others get the code points from 256 on.
 *
 * @see https://github.com/openai/gpt-2/blob/master/src/encoder.py, bytes_to_unicode
 */
export function byteToCharacter(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const isVisible = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCharCode(isVisible ? byte : next++);
  });
}
