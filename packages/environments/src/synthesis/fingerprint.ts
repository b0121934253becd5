import { createHash } from 'node:crypto';
import type { Task } from '@parl-mt/schema';

/**
 * Hash of what makes two tasks the same exercise: the wording and the solution of every turn, ids and tool order left out.
 * For removing held-out tasks that also occur in training.
 *
 * @returns 64 hex digits (SHA-256).
 */
export function taskFingerprint(task: Pick<Task, 'turns'>): string {
  const turns = task.turns.map((turn) => [
    turn.messages.map((message) => normalise(message.content)),
    turn.groundTruth.map((call) => call.trim()),
  ]);
  return createHash('sha256').update(JSON.stringify(turns)).digest('hex');
}

function normalise(text: string): string {
  return text.toLowerCase().replace(/\s+/g, ' ').trim();
}
