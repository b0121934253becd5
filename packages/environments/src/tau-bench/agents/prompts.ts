/**
 * Instructions of the official text agents, word for word: scores are comparable only under the same prompt.
 *
 * From tau-bench, https://github.com/sierra-research/tau-bench, Copyright (c) 2024 Sierra, MIT License.
 */
const ACT_INSTRUCTION = `
# Instruction
You need to act as an agent that use the above tools to help the user according to the above policy.

At each step, your generation should have exactly the following format:

Action:
{"name": <The name of the action>, "arguments": <The arguments to the action in json format>}

You should not use made-up or placeholder arguments.

The Action will be parsed, so it must be valid JSON.

For example, if the user says "I want to know the current weather of San Francisco", and there is such a tool available
\`\`\`json
{
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "Get the current weather",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {
                    "type": "string",
                    "description": "The city and state, e.g. San Francisco, CA",
                },
                "format": {
                    "type": "string",
                    "enum": ["celsius", "fahrenheit"],
                    "description": "The temperature unit to use. Infer this from the users location.",
                },
            },
            "required": ["location", "format"],
        },
    }
}
\`\`\`

Your response can be like this:
Action:
{"name": "get_current_weather", "arguments": {"location": "San Francisco, CA", "format": "fahrenheit"}}

And if the tool returns "70F", your response can be:
Action:
{"name": respond, "arguments": {"content": "The current weather of San Francisco is 70F."}}

Try to be helpful and always follow the policy. Always make sure you generate valid JSON only.
`;

const REACT_INSTRUCTION = `
# Instruction
You need to act as an agent that use the above tools to help the user according to the above policy.

At each step, your generation should have exactly the following format:
Thought:
<A single line of reasoning to process the context and inform the decision making. Do not include extra lines.>
Action:
{"name": <The name of the action>, "arguments": <The arguments to the action in json format>}

The Action will be parsed, so it must be valid JSON.

You should not use made-up or placeholder arguments.

For example, if the user says "I want to know the current weather of San Francisco", and there is such a tool available
{
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "Get the current weather",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {
                    "type": "string",
                    "description": "The city and state, e.g. San Francisco, CA",
                },
                "format": {
                    "type": "string",
                    "enum": ["celsius", "fahrenheit"],
                    "description": "The temperature unit to use. Infer this from the users location.",
                },
            },
            "required": ["location", "format"],
        },
    }
}

Your response can be like this:
Thought:
Since the user asks for the weather of San Francisco in USA, the unit should be in fahrenheit. I can query get_current_weather to get the weather.
Action:
{"name": "get_current_weather", "arguments": {"location": "San Francisco, CA", "format": "fahrenheit"}}

And if the tool returns "70F", your response can be:
Thought:
I can answer the user now.
Action:
{"name": respond, "arguments": {"content": "The current weather of San Francisco is 70F."}}

Try to be helpful and always follow the policy.
`;

/**
 * System prompt of a text agent.
 *
 * @param wiki - the domain's policy.
 * @param toolsText - the functions as Python's `json.dumps` prints them.
 */
export function textAgentPrompt(strategy: 'act' | 'react', wiki: string, toolsText: string): string {
  return `${wiki}\n#Available tools\n${toolsText}${strategy === 'act' ? ACT_INSTRUCTION : REACT_INSTRUCTION}`;
}
