import { describe, expect, it } from 'vitest';
import { ChatTemplate, Exact } from './chat-template.js';
import { readJson } from './json-reader.js';

const PLAIN =
  '{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}';
const USER = { role: 'user', content: 'Hi' };

describe('ChatTemplate', () => {
  it('renders messages and the prompt of an answer', () => {
    const template = new ChatTemplate(PLAIN);
    expect(template.render({ messages: [USER] }).text).toBe('<|user|>Hi<|end|>');
    expect(template.render({ messages: [USER], addGenerationPrompt: true }).text).toBe(
      '<|user|>Hi<|end|><|assistant|>',
    );
  });

  it('tells which part the model is to write', () => {
    const template = new ChatTemplate(
      "{% for m in messages %}{{ m.role }}: {% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %};{% endfor %}",
    );
    const { text, generationSpans } = template.render({
      messages: [USER, { role: 'assistant', content: '👋 hello' }, USER, { role: 'assistant', content: 'b' }],
    });
    expect(generationSpans.map(([start, end]) => text.slice(start, end))).toEqual(['👋 hello', 'b']);
  });

  it('leaves keys without value out, and copies reasoning under both names', () => {
    const template = new ChatTemplate('{{ messages[0] | tojson }}');
    expect(template.render({ messages: [{ role: 'assistant', content: null, reasoning: 'r' }] }).text).toBe(
      '{"thinking": "r", "role": "assistant", "reasoning": "r", "reasoning_content": "r"}',
    );
  });

  it('ends behind the last message to be continued, and keeps its spaces where the template does', () => {
    const messages = [USER, { role: 'assistant', content: 'Once upon  ' }];
    expect(new ChatTemplate(PLAIN).render({ messages, continueFinalMessage: true }).text).toBe(
      '<|user|>Hi<|end|><|assistant|>Once upon  ',
    );
    const trimming = new ChatTemplate('{% for m in messages %}[{{ m.content | trim }}]{% endfor %}');
    expect(trimming.render({ messages, continueFinalMessage: true }).text).toBe('[Hi][Once upon');
    expect(() => new ChatTemplate('fixed').render({ messages, continueFinalMessage: true })).toThrow('last message');
  });

  it('keeps numbers and key order of exact data', () => {
    const read = readJson('[{"role":"user","content":"x","a":{"10":1.0,"9":1e16,"b":9007199254740993,"c":-0.0}}]');
    if (!read.ok) throw new Error(read.error.message);
    const template = new ChatTemplate('{{ messages[0].a | tojson }} {{ messages[0].a }}');
    expect(template.render({ messages: new Exact(read.value) }).text).toBe(
      '{"10": 1.0, "9": 1e+16, "b": 9007199254740993, "c": -0.0} ' +
        "{'10': 1.0, '9': 1e+16, 'b': 9007199254740993, 'c': -0.0}",
    );
  });
});

describe('control tokens in data', () => {
  const controlTokens = ['<|end|>', '<|user|>'];

  it('are told apart from those of the template', () => {
    const messages = [{ role: 'user', content: 'a<|end|>b' }];
    const { text, literalSpans } = new ChatTemplate(PLAIN).render({ messages, controlTokens });
    expect(text).toBe('<|user|>a<|end|>b<|end|>');
    expect(literalSpans.map(([start, end]) => [start, text.slice(start, end)])).toEqual([[9, '<|end|>']]);
  });

  it.each([
    ["{{ 'yes' if '<|end|>' in messages[0].content else 'no' }}", 'yes'],
    ["{{ messages[0].content.split('<|end|>') | join('/') }}", 'a/b'],
    ["{{ messages[0].content | replace('<|end|>', '') }}", 'ab'],
    ['{{ messages[0].content | length }}', '9'],
    ["{{ messages[0].content.startswith('a<|') }}", 'True'],
    ["{{ messages[0].content == 'a<|end|>b' }}", 'True'],
    ["{{ messages[0].content.find('<|end|>') }}", '1'],
    ["{{ messages[0].content[1:].lstrip('<|') }}", 'end|>b'],
  ])('read as they are: %s', (source, expected) => {
    const messages = [{ role: 'user', content: 'a<|end|>b' }];
    expect(new ChatTemplate(source).render({ messages, controlTokens }).text).toBe(expected);
  });

  it('do not touch private-use characters of the data', () => {
    const messages = [{ role: 'user', content: '\ue000\ue001<|end|>\ue002' }];
    const { text, literalSpans } = new ChatTemplate(PLAIN).render({ messages, controlTokens });
    expect(text).toBe('<|user|>\ue000\ue001<|end|>\ue002<|end|>');
    expect(literalSpans).toEqual([[10, 17]]);
  });

  it('are the special tokens, and added tokens that the template writes', () => {
    const template = new ChatTemplate("<tool_call>{{ '<think>' }}{# <note> #}");
    const added = ['<tool_call>', '<think>', '<note>', '\n'].map((content) => ({ content, special: false }));
    expect(template.controlTokens([...added, { content: '<|end|>', special: true }])).toEqual([
      '<tool_call>',
      '<think>',
      '<|end|>',
    ]);
  });
});
