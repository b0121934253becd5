import { createHash } from 'node:crypto';
import { readJson } from '../bfcl/python/json-reader.js';
import { pyJson } from '../bfcl/python/render.js';

/**
 * SHA-256 of what a data file says: databases count byte by byte; a policy text without the white space around it; JSON that
 * may have been converted counts by its values, their order and number types, and not by its spacing.
 */
export function contentHash(path: string, content: Buffer): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const hash = createHash('sha256');
  if (name.endsWith('.md')) return hash.update(content.toString('utf8').trim(), 'utf8').digest('hex');
  if (/^(tasks_\w+|tools|rules)\.json$/.test(name)) {
    return hash.update(pyJson(readJson(content.toString('utf8'))), 'utf8').digest('hex');
  }
  return hash.update(content).digest('hex');
}
