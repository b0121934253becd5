import { type CallTrace, failsInTransit, type SynthesizedTask, UNAVAILABLE_CONTENT } from '@parl-mt/environments';

/**
 * A task whose demonstration meets unreliable tools: each call may fail in transit first, and is then made again. The ground
 * truth, the wording and the final state stay as they are.
 *
 * @param rate - chance that a call fails, in [0, 1); it fails once at most. Depends on the task's id and the call's place alone.
 */
export function withTransitFailures(source: SynthesizedTask, rate: number): SynthesizedTask {
  if (rate === 0) return source;
  const trace = source.trace.map((turn, turnIndex) => ({
    ...turn,
    calls: turn.calls.flatMap((call, index) =>
      failsInTransit(['demonstration', source.task.id, turnIndex, index], rate) ? [failedCall(call), call] : [call],
    ),
  }));
  return { ...source, trace };
}

function failedCall(call: CallTrace): CallTrace {
  return { ...call, result: UNAVAILABLE_CONTENT, answers: [], changesState: false, failedInTransit: true };
}
