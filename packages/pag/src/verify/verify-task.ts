import { renderCompletion, segmentsToText } from '@parl-mt/chat';
import type { SynthesizedTask } from '@parl-mt/environments';
import type { Awareness, Message, PagConfig, PagRecord, Verification } from '@parl-mt/schema';
import {
  contextMessages,
  stepMessages,
  systemMessage,
  type TargetStep,
  targetSteps,
  toolsAt,
  userMessages,
} from '../episode-messages.js';
import { checkFormat } from './format.js';
import type { VerificationStage } from './gate.js';
import { checkGrounded } from './grounded.js';
import { checkNoHindsight } from './no-hindsight.js';

/** Why a record was refused. */
export interface Rejection {
  readonly stage: VerificationStage;
  /** Class of failure, for counting. */
  readonly kind: string;
  readonly reason: string;
}

/** A decision with its record; refused where `rejection` is present. */
export interface VerifiedDecision {
  readonly record: PagRecord;
  readonly rejection?: Rejection;
}

/** Candidates of one decision, best first. */
export type Candidates = readonly Awareness[];

/**
 * Records of a task's decisions, each with the first candidate that passes format, grounding and no-hindsight; where none
 * does, with the first candidate and the reason. A record whose previous awareness was refused is refused too (`context`):
 * the policy would be shown what must not be learned.
 *
 * @param candidates - per decision, in the order of {@link targetSteps}; each at least one.
 */
export function verifyTask(
  source: SynthesizedTask,
  candidates: readonly Candidates[],
  config: PagConfig,
  labels: Pick<PagRecord, 'provenance' | 'split'>,
): VerifiedDecision[] {
  const targets = targetSteps(source);
  const verified: VerifiedDecision[] = [];
  const dialogue: Message[] = [];
  let previous: VerifiedDecision | undefined;
  targets.forEach((target, index) => {
    if (target.step === 0) {
      dialogue.push(...userMessages(source, target.turn));
    }
    const tools = toolsAt(source, target.turn);
    const history = [systemMessage(tools), ...dialogue];
    const toolNames = new Set(tools.map(({ name }) => name));
    const future = futureMessages(source, targets, index);
    const verdicts = (candidates[index] ?? []).map((awareness) => ({
      awareness,
      ...checkCandidate({ awareness, target, history, future, toolNames, config }),
    }));
    const chosen = verdicts.find(({ rejection }) => rejection === undefined) ?? verdicts[0];
    if (chosen === undefined) {
      throw new RangeError(`expected candidates for decision ${index} of task ${source.task.id}, received none`);
    }
    const record: PagRecord = {
      taskId: source.task.id,
      turn: target.turn,
      step: target.step,
      ...(previous === undefined ? {} : { previousAwareness: previous.record.awareness }),
      contextMessages: contextMessages(history),
      historyMessages: history,
      awareness: chosen.awareness,
      targetCalls: [...target.callTexts],
      ...(target.message === undefined ? {} : { targetMessage: target.message }),
      verification: chosen.verification,
      ...labels,
    };
    const rejection = chosen.rejection ?? contextRejection(previous);
    previous = { record, ...(rejection === undefined ? {} : { rejection }) };
    verified.push(previous);
    dialogue.push(...stepMessages(target, chosen.awareness));
  });
  return verified;
}

/** Everything that happens after the policy has spoken at decision `index`. */
function futureMessages(source: SynthesizedTask, targets: readonly TargetStep[], index: number): Message[] {
  const unwritten: Awareness = { summary: '', plan: '' };
  const now = targets[index] === undefined ? [] : stepMessages(targets[index], unwritten).slice(1);
  const later = targets
    .slice(index + 1)
    .flatMap((target) => [
      ...(target.step === 0 ? userMessages(source, target.turn) : []),
      ...stepMessages(target, unwritten),
    ]);
  return [...now, ...later];
}

function checkCandidate(input: {
  readonly awareness: Awareness;
  readonly target: TargetStep;
  readonly history: readonly Message[];
  readonly future: readonly Message[];
  readonly toolNames: ReadonlySet<string>;
  readonly config: PagConfig;
}): { verification: Verification; rejection?: Rejection } {
  const { awareness, target, history, future, toolNames, config } = input;
  const completion = renderCompletion({ awareness, callTexts: target.callTexts, message: target.message });
  const [targetMessage] = stepMessages(target, awareness);
  const results = {
    format: checkFormat(segmentsToText(completion), config),
    grounded: checkGrounded(awareness.summary, history, toolNames),
    no_hindsight: checkNoHindsight({
      plan: awareness.plan,
      history,
      target: targetMessage as Message,
      future,
      toolNames,
    }),
  } as const;
  const verification: Verification = {
    format: results.format.passed,
    grounded: results.grounded.passed,
    noHindsight: results.no_hindsight.passed,
    logprobGain: null,
    reconstructionRate: null,
  };
  for (const stage of ['format', 'grounded', 'no_hindsight'] as const) {
    const result = results[stage];
    if (!result.passed) {
      return { verification, rejection: { stage, kind: result.kind, reason: result.reason } };
    }
  }
  return { verification };
}

function contextRejection(previous: VerifiedDecision | undefined): Rejection | undefined {
  // One step only: a text that passed the gates itself may be shown again, whatever stood before it.
  if (previous?.rejection === undefined || previous.rejection.stage === 'context') {
    return undefined;
  }
  return {
    stage: 'context',
    kind: 'previous awareness refused',
    reason: `expected an accepted awareness before this step, but it was refused (${previous.rejection.stage}: ${previous.rejection.reason})`,
  };
}
