/**
 * Data model and configurations of PARL-MT, as zod schemas. Imports no other package of the project.
 *
 * @example
 * import { parseConfig, rlConfigSchema } from '@parl-mt/schema';
 * const config = parseConfig(rlConfigSchema, { groupSize: 4 }, 'rl.json');
 * console.log(config.clipHigh); // 0.28
 */
export {
  type ChatMessage,
  type ChatReplyMessage,
  type ChatToolCall,
  chatMessageSchema,
  chatReplyMessageSchema,
  chatToolCallSchema,
} from './chat-message.js';
export { closeSchema } from './closed-schema.js';
export {
  type BfclDataConfig,
  bfclDataConfigSchema,
  type TauBenchDataConfig,
  tauBenchDataConfigSchema,
} from './data-config.js';
export { type EndpointConfig, endpointConfigSchema } from './endpoint-config.js';
export {
  type EnvironmentLimits,
  environmentLimitsSchema,
  type McpHttpConfig,
  type McpServerConfig,
  type McpStdioConfig,
  mcpServerConfigSchema,
} from './environment-config.js';
export { type EnvironmentServerConfig, environmentServerConfigSchema } from './environment-server-config.js';
export { CancelledError, ConfigError, ParlError, type RolloutBoundary, RolloutError, UsageError } from './errors.js';
export { type EvaluationConfig, evaluationConfigSchema } from './evaluation-config.js';
export { type ExportConfig, exportConfigSchema } from './export-config.js';
export { type HubName, parseHubName } from './hub-name.js';
export { type InputPath, inputPaths } from './input-paths.js';
export { type LoraConfig, type LoraTarget, loraConfigSchema, loraTargets } from './lora-config.js';
export {
  type Awareness,
  awarenessSchema,
  type Message,
  messageSchema,
  type ToolCall,
  type ToolSpec,
  toolCallSchema,
  toolSpecSchema,
} from './message.js';
export {
  type BackendName,
  backendNameSchema,
  type DecoderConfig,
  decoderConfigSchema,
  memoryShortageSchema,
  type PretrainedConfig,
  pretrainedConfigSchema,
  type ToolCallFormatName,
  type Tuning,
  toolCallFormatSchema,
  tuningSchema,
} from './model-config.js';
export {
  type PagConfig,
  pagConfigSchema,
  type SamplingGateConfig,
  type SynthesisConfig,
  samplingGateConfigSchema,
  synthesisConfigSchema,
} from './pag-config.js';
export { type PagRecord, pagRecordSchema, type Verification, verificationSchema } from './pag-record.js';
export { parseConfig } from './parse-config.js';
export {
  type KlConfig,
  type LossReductionConfig,
  type OptionProblem,
  type PolicyLossConfig,
  type RlLossOptions,
  rlLossProblems,
} from './policy-loss-config.js';
export {
  type ConfigJsonSchema,
  type ConfigProblem,
  configJsonSchema,
  type DemoRunConfig,
  demoRunConfigSchema,
  type EvaluatedPolicy,
  type EvaluateRunConfig,
  evaluatedPolicySchema,
  evaluateRunConfigSchema,
  InvalidConfigError,
  type PagRunConfig,
  pagRunConfigSchema,
  parseClosed,
  parseRunConfig,
  type RunConfigs,
  type RunKind,
  runConfigJsonSchema,
  runConfigSchemas,
  runKindSchema,
  type SftRunConfig,
  sftRunConfigSchema,
  type TrainRunConfig,
  trainRunConfigSchema,
} from './run-config.js';
export {
  type JobContext,
  type JobResult,
  type ProgressMetrics,
  type Reporter,
  type RunEvent,
  runEventSchema,
} from './run-event.js';
export { type RunRequest, runRequestSchema } from './run-request.js';
export { type ServerConfig, serverConfigSchema } from './server-config.js';
export { type Task, type Turn, taskSchema, turnSchema } from './task.js';
export { type TauBenchConfig, tauBenchConfigSchema } from './tau-bench-config.js';
export { type TauBenchResult, tauBenchResultSchema } from './tau-bench-result.js';
export {
  type AdamwConfig,
  adamwConfigSchema,
  type ContextConfig,
  type ContextMode,
  contextConfigSchema,
  contextModeSchema,
  type RewardConfig,
  type RlConfig,
  rewardConfigSchema,
  rlConfigSchema,
  type SamplingConfig,
  type SftConfig,
  samplingConfigSchema,
  sftConfigSchema,
} from './training-config.js';
export {
  type RewardParts,
  rewardPartsSchema,
  type Step,
  type StopReason,
  stepSchema,
  stopReasonSchema,
  type ToolErrorCause,
  type ToolResult,
  type Trajectory,
  toolErrorCauseSchema,
  toolResultSchema,
  trajectorySchema,
} from './trajectory.js';
