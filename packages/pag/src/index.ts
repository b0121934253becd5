/**
 * PAG, the dataset pipeline: synthesise tasks, annotate every decision with awareness, verify, export.
 *
 * @example
 * import { buildPagDataset, readPagRecords, trainingExamples } from '@parl-mt/pag';
 * import { pagConfigSchema, parseConfig } from '@parl-mt/schema';
 * const config = parseConfig(pagConfigSchema, { synthesis: { tasks: 20 } }, 'config');
 * const report = await buildPagDataset(config, { outDir: 'runs/pag' });
 * const records = await readPagRecords('runs/pag/dataset/train.jsonl');
 * console.log(report.accepted, trainingExamples(records, 'awareness').examples.length);
 */
export { type Annotator, type Decision, describeDecision, deterministicAnnotator } from './annotate.js';
export { buildPagDataset, type PagOptions, type PagProgress, type PagStage } from './pipeline.js';
export { readPagRecords, type SftMessage, sftRow } from './records.js';
export type { JudgeAgreement, PagReport, StageReport, TextSizes, TurnReport } from './report.js';
export { recordCompletion, renderRecordPrompt, type TrainingExample, trainingExamples } from './sequences.js';
export { checkFormat } from './verify/format.js';
export { type GateResult, VERIFICATION_STAGES, type VerificationStage } from './verify/gate.js';
export { checkGrounded } from './verify/grounded.js';
export { extractLiterals, occursIn } from './verify/literals.js';
export { type Judge, type JudgeItem, judgeItems, logprobGains } from './verify/logprob-gain.js';
export { checkNoHindsight } from './verify/no-hindsight.js';
export { type CallWriter, reconstructionRates, type WriteRequest } from './verify/sampling.js';
export { type Candidates, type Rejection, type VerifiedDecision, verifyTask } from './verify/verify-task.js';
