import type { ToolCallFormatName } from '@parl-mt/schema';

const howToCall: Readonly<Record<ToolCallFormatName, string>> = {
  hermes:
    'call functions, each as\n<tool_call>\n{"name": "function_name", "arguments": {"parameter": "value"}}\n</tool_call>\n',
  llama:
    'call functions and write nothing else: {"name": "function_name", "parameters": {"parameter": "value"}}, several set apart by "; ",',
  xlam: 'call functions and write nothing else: a JSON list [{"name": "function_name", "arguments": {"parameter": "value"}}],',
  python: "call functions and write nothing else: a list [function_name(parameter='value')],",
};

/**
 * What a pretrained model is told before the functions of the system message: that it may call them, how its family writes calls, and
 * with awareness what comes before every action. Fine-tuned and base model read the same.
 */
export function defaultInstructions(format: ToolCallFormatName, awareness: boolean): string {
  const before = awareness
    ? 'Before every action write what has been done so far as <summary>...</summary> and what is left to do as <think>...</think>. Then either '
    : 'Either ';
  return (
    'You do what the user asks by calling functions. ' +
    `${before}${howToCall[format]} or, when the request is done, tell the user so in a message without calls. ` +
    'The functions, one signature a line (a parameter with "=" or "?" may be left out):'
  );
}

/** The format that a chat template itself teaches; Hermes where it teaches none. */
export function formatOfTemplate(template: string): ToolCallFormatName {
  if (template.includes('<tool_call>')) return 'hermes';
  if (/<\|python_tag\|>|"parameters"\s*:/.test(template)) return 'llama';
  return 'hermes';
}
