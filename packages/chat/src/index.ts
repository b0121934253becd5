/**
 * How a conversation becomes what the policy reads, and how what it writes becomes calls: prompt segments, Python call
 * texts, the awareness format. Runs anywhere, a browser included.
 *
 * @example
 * import { ConversationContext, parseCompletion, segmentsToText } from '@parl-mt/chat';
 * const context = new ConversationContext([], 'awareness');
 * context.beginTurn(['Make a folder called docs.']);
 * const prompt = context.renderPrompt({ maxPromptTokens: 20, countTokens: (messages) => messages.length });
 * if (prompt.ok) console.log(segmentsToText(prompt.segments));
 * // <|system|><|end|><|user|>Make a folder called docs.<|end|><|assistant|>
 * const text = "<summary>none</summary><think>next mkdir</think><tool_call>mkdir(dir_name='docs')</tool_call><|end|>";
 * console.log(parseCompletion(text, { awareness: true }).calls);
 * // [ { name: 'mkdir', arguments: '{"dir_name": "docs"}' } ]
 */
export type { ChatCompletion, ChatModel, ChatRequest, ChatTool, ChatTotals, ChatUsage } from './chat-model.js';
export {
  ChatTemplate,
  type ChatTemplateInput,
  type ChatTemplateOptions,
  Exact,
  type RenderedChat,
  type TemplateData,
} from './chat-template.js';
export {
  type CompletionLimits,
  type CompletionParts,
  type ParsedCompletion,
  type ParseOptions,
  parseCompletion,
  renderAwareness,
  renderCompletion,
} from './completion.js';
export { ConcurrencyLimit } from './concurrency-limit.js';
export {
  type ContextMessage,
  type ContextStep,
  ConversationContext,
  GENERATION_PROMPT,
  type PromptBudget,
  type RenderedPrompt,
  textMessage,
} from './context.js';
export { type AutomatonEdge, automatonEdges, readByAutomaton } from './grammar/automaton.js';
export {
  boundedText,
  bytes,
  choice,
  type Expression,
  literal,
  nothing,
  optional,
  type Rule,
  repeat,
  rule,
  separated,
  sequence,
  specialToken,
} from './grammar/expression.js';
export { jsonNotation, schemaExpression, type ValueNotation } from './grammar/json-schema.js';
export {
  type CompletionGrammarOptions,
  completionExpression,
  type ToolCallGrammarOptions,
  toolCallExpression,
} from './grammar/tool-calls.js';
export { JinjaError, type JinjaErrorKind } from './jinja/jinja-error.js';
export { DEFAULT_LIMITS, type JinjaLimits } from './jinja/work.js';
export { type JsonLimits, readJson } from './json-reader.js';
export { type LiteralValue, literalFromUnknown, type TextError, writeJson, writePython } from './literal-value.js';
export { type ParsedCall, parseCallText, renderCallText } from './python-call.js';
export { readPythonLiteral } from './python-reader.js';
export { type RetryOptions, withRetries } from './retry.js';
export {
  type Segment,
  SPECIAL_TOKENS,
  type SpecialToken,
  segmentsToText,
  special,
  splitSpecialTokens,
  text,
  trained,
} from './segment.js';
export { hermesFormat } from './tool-calls/hermes-format.js';
export { llamaFormat } from './tool-calls/llama-format.js';
export { pythonFormat } from './tool-calls/python-format.js';
export {
  type ParsedToolCalls,
  parseToolCalls,
  type ToolCallError,
  type ToolCallEvent,
  type ToolCallFormat,
  type ToolCallStream,
} from './tool-calls/tool-call-format.js';
export { xlamFormat } from './tool-calls/xlam-format.js';
export { renderToolSignature, renderTools } from './tools-text.js';
