/**
 * Environments: worlds that a policy acts in by calling functions, and their checkers.
 *
 * @example
 * import { BfclEnvironment } from '@parl-mt/environments';
 * const environment = new BfclEnvironment();
 * environment.reset({
 *   id: 'demo', environment: 'bfcl', category: 'demo', involvedClasses: ['GorillaFileSystem'],
 *   initialConfig: '{}', tools: [], turns: [{ messages: [], groundTruth: [] }],
 * }, 1);
 * environment.call({ name: 'touch', arguments: '{"file_name": "a.txt"}' });
 * console.log(environment.execute('ls()').content); // {"current_directory_content": ["a.txt"]}
 */

export {
  type BenchmarkRequest,
  type DataLock,
  type InstallContext,
  type InstalledData,
  installBenchmark,
} from './benchmark-data/install-benchmark.js';
export { BfclEnvironment, type BfclEnvironmentOptions, builtInTools } from './bfcl/bfcl-environment.js';
export { parseCallText } from './bfcl/call-text.js';
export {
  type CheckErrorType,
  type CheckFailure,
  type CheckOptions,
  type CheckVerdict,
  checkTask,
  effectiveSteps,
  findIrrelevantTurn,
  type ModelCalls,
} from './bfcl/checker.js';
export {
  BfclConversation,
  type ConversationMessage,
  type ConversationMode,
  type ConversationOptions,
  type ModelAnswer,
} from './bfcl/conversation.js';
export { type DecodeResult, decodeFunctionCalls, endsTurn, type FunctionCall } from './bfcl/decode-function-calls.js';
export { decodePromptOutput } from './bfcl/decode-prompt-output.js';
export type { FunctionDocument } from './bfcl/function-document.js';
export { loadLongContext } from './bfcl/load-long-context.js';
export { bfclCategories, loadBfclTasks, loadFunctionDocuments, REVEAL_MESSAGE } from './bfcl/load-tasks.js';
export type { LongContextData } from './bfcl/long-context.js';
export { ProcessObjects } from './bfcl/process-objects.js';
export { apiClassNames } from './bfcl/registry.js';
export { type BfclScores, type CategoryScore, formatScores, scoreBfcl } from './bfcl/scores.js';
export { formatConformance } from './conformance/format-conformance.js';
export { type ConformanceReport, runConformance } from './conformance/run-conformance.js';
export type { ConformanceSuite, SuiteReport } from './conformance/suite.js';
export type { CheckReport, TagReport } from './conformance/tally.js';
export type { CallOutcome, Conversation, TurnOpening, Verdict } from './conversation/conversation.js';
export { type OpenConversationOptions, openConversation } from './conversation/open-conversation.js';
export { TauConversation, type TauConversationOptions } from './conversation/tau-conversation.js';
export { type CreateEnvironmentOptions, createEnvironment } from './create-environment.js';
export { type BenchmarkName, benchmarkFolder, dataHome } from './data-home.js';
export type { Environment } from './environment.js';
export { GuardedEnvironment } from './guarded-environment.js';
export { McpEnvironment } from './mcp/mcp-environment.js';
export { taskFingerprint } from './synthesis/fingerprint.js';
export { coveredMethods } from './synthesis/planner.js';
export { type SynthesisClass, synthesisClasses } from './synthesis/scenario.js';
export { generateTasks, type SynthesisOptions, synthesizeTasks } from './synthesis/synthesize.js';
export type {
  ArgumentProvenance,
  ArgumentTrace,
  ArgumentValue,
  CallTrace,
  EntityKind,
  ReferenceCount,
  SynthesizedTask,
  TurnTrace,
} from './synthesis/trace.js';
export { formatValidity, type ValidityReport, validityReport } from './synthesis/validity.js';
export { type AgentOptions, type AgentOutcome, TauAgent } from './tau-bench/agents/agent.js';
export { type AgentStrategy, createAgent } from './tau-bench/agents/create-agent.js';
export type {
  ChatFunction,
  ChatFunctionReply,
  ChatFunctionRequest,
  ChatFunctionTool,
} from './tau-bench/chat-function.js';
export { type TauDomainName, tauDomainNames } from './tau-bench/domain.js';
export {
  EpisodeCrash,
  ScriptedUser,
  STOP_MARKER,
  TauEpisode,
  type TauStep,
  type TauUser,
} from './tau-bench/episode.js';
export { groundTruthActions } from './tau-bench/ground-truth.js';
export {
  loadTauBenchTasks,
  loadTauWorld,
  sharedTauWorld,
  type TauWorld,
  tauDomainsIn,
  tauSplitsIn,
  tauTaskOf,
} from './tau-bench/load-world.js';
export { type PassMetrics, passMetrics, type TrialReward } from './tau-bench/pass-k.js';
export type { RewardInfo, TauReward } from './tau-bench/reward.js';
export { type TauAction, type TauTask, toTask } from './tau-bench/task.js';
export { TauBenchEnvironment, type TauBenchEnvironmentOptions } from './tau-bench/tau-bench-environment.js';
export { createUser, type UserStrategy } from './tau-bench/users/create-user.js';
export { SimulatedUser } from './tau-bench/users/simulated-user.js';
export { failsInTransit, UNAVAILABLE_CONTENT, UnreliableEnvironment } from './unreliable-environment.js';
