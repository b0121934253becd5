import type { ChatMessage } from '@parl-mt/schema';

/**
 * Prompts of the official simulated users, word for word: scores are comparable only under the same prompts.
 *
 * From tau-bench, https://github.com/sierra-research/tau-bench, Copyright (c) 2024 Sierra, MIT License.
 */
const ROLE = 'You are a user interacting with an agent.';

const RULES = `
Rules:
- Just generate one line at a time to simulate the user's message.
- Do not give away all the instruction at once. Only provide the information that is necessary for the current step.
- Do not hallucinate information that is not provided in the instruction. For example, if the agent asks for the order id but it is not mentioned in the instruction, do not make up an order id, just say you do not remember or have it.
- If the instruction goal is satisified, generate '###STOP###' as a standalone message without anything else to end the conversation.
- Do not repeat the exact instruction in the conversation. Instead, use your own words to convey the same information.
- Try to make the conversation as natural as possible, and stick to the personalities in the instruction.`;

const REACT_RULES = `
Rules:
- First, generate a Thought about what to do next (this message will not be sent to the agent).
- Then, generate a one line User Response to simulate the user's message (this message will be sent to the agent).
- Do not give away all the instruction at once. Only provide the information that is necessary for the current step.
- Do not hallucinate information that is not provided in the instruction. For example, if the agent asks for the order id but it is not mentioned in the instruction, do not make up an order id, just say you do not remember or have it.
- If the instruction goal is satisified, generate '###STOP###' as the User Response without anything else to end the conversation.
- Do not repeat the exact instruction in the conversation. Instead, use your own words to convey the same information.
- Try to make the conversation as natural as possible, and stick to the personalities in the instruction.

Format:

Thought:
<the thought>

User Response:
<the user response (this will be parsed and sent to the agent)>`;

/** What the agent is taken to have said first. */
export const GREETING = 'Hi! How can I help you today?';

/** System prompt of a simulated user; null leaves the instruction out. */
export function userPrompt(instruction: string | null, format: 'plain' | 'react'): string {
  const stated = instruction === null ? '' : `\n\nInstruction: ${instruction}\n`;
  return ROLE + stated + (format === 'react' ? REACT_RULES : RULES);
}

/** Asks whether a candidate line is satisfactory: true or false. */
export function judgePrompt(transcript: readonly ChatMessage[], candidate: string): string {
  return `You are a supervisor of the Agent in the conversation. You are given a Transcript of a conversation between a Customer and an Agent. The Customer has generated a Response, and you need to verify if it is satisfactory (true) or not (false).
Your answer will be parsed, so do not include any other text than the classification (true or false).
    
# Transcript:
${transcriptText(transcript)}

# Response:
${candidate}

-----

Classification:`;
}

/** Asks for a reflection on a refused line, and for what to do better. */
export function reflectionPrompt(transcript: readonly ChatMessage[], candidate: string): string {
  return `You are a supervisor of the Agent in the conversation. You are given a Transcript of a conversation between a (simulated) Customer and an Agent. The Customer generated a Response that was marked as unsatisfactory by you.
You need to generate a Reflection on what went wrong in the conversation, and propose a new Response that should fix the issues.
Your answer will be parsed, so do not include any other text than the classification (true or false).
    
# Transcript:
${transcriptText(transcript)}

# Response:
${candidate}

# Format:

Reflection:
<the reflection>

Response:
<the response (this will be parsed and sent to the agent)>`;
}

/** Labels as in the reference: the wrong way round, since roles are swapped in the user's own history. */
function transcriptText(messages: readonly ChatMessage[]): string {
  return messages.map(({ role, content }) => `${ROLE_LABELS[role]}: ${content ?? 'None'}`).join('\n');
}

const ROLE_LABELS: { readonly [role in ChatMessage['role']]: string } = {
  system: 'System',
  user: 'Customer',
  assistant: 'Agent',
  tool: 'Tool',
};
