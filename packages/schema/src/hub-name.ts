/** A model of the Hugging Face hub, by name. */
export interface HubName {
  /** `owner/name`. */
  readonly id: string;
  /** The GGUF file in the repository; without it the folder is meant. */
  readonly gguf: string | undefined;
}

/**
 * Reads `owner/name`, or `owner/name/FILE.gguf` where FILE may be in a folder of the repository; undefined for any other text. A path
 * that exists goes before a name: that is for the caller to look at.
 */
export function parseHubName(text: string): HubName | undefined {
  const [owner, name = '', ...file] = text.split('/');
  const id = `${owner}/${name}`;
  if (!/^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/.test(id) || id.includes('..')) return undefined;
  if (file.length === 0) return { id, gguf: undefined };
  const isPlain = file.every((part) => /^[A-Za-z0-9_][\w.+-]*$/.test(part));
  return isPlain && /\.gguf$/i.test(text) ? { id, gguf: file.join('/') } : undefined;
}
