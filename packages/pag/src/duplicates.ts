import type { PagRecord } from '@parl-mt/schema';
import { sha256 } from './stage-cache.js';

/**
 * Marks records that repeat an earlier one: same context, awareness and target after lower-casing and collapsing white
 * space. Functions on offer and task ids do not count.
 *
 * @returns shape [records]; true for every copy but the first.
 */
export function markDuplicates(records: readonly PagRecord[]): boolean[] {
  const seen = new Set<string>();
  return records.map((record) => {
    const fingerprint = recordFingerprint(record);
    const isDuplicate = seen.has(fingerprint);
    seen.add(fingerprint);
    return isDuplicate;
  });
}

function recordFingerprint(record: PagRecord): string {
  const { contextMessages, awareness, targetCalls, targetMessage } = record;
  const content = JSON.stringify([contextMessages, awareness, targetCalls, targetMessage ?? null]);
  return sha256(content.toLowerCase().replace(/(?:\s|\\[nt])+/g, ' '));
}
