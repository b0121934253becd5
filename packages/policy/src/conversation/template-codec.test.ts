import {
  ChatTemplate,
  type ContextMessage,
  ConversationContext,
  renderCompletion,
  type Segment,
  SPECIAL_TOKENS,
  special,
  text,
  textMessage,
} from '@parl-mt/chat';
import { type ToolCallFormatName, toolCallFormatSchema, UsageError } from '@parl-mt/schema';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { trainBpe } from '../bpe-trainer.js';
import { Tokenizer } from '../tokenizer.js';
import { SegmentCodec } from './segment-codec.js';
import { TemplateCodec } from './template-codec.js';

/** A tokenizer as models with a chat template have them: control tokens of their own, and no tokens for our tags. */
const tokenizer = new Tokenizer(
  JSON.parse(
    JSON.stringify(trainBpe(['list the folder docs', '{"name": "ls"}'], { vocabSize: 300 }))
      .replaceAll('<|system|>', '<|im_start|>')
      .replaceAll('<|end|>', '<|im_end|>')
      .replaceAll('<|pad|>', '<|endoftext|>')
      .replace(/<(\/?)(summary|think|tool_call)>/g, '<$1unused_$2>'),
  ),
);
const id = (token: string) => tokenizer.specialId(token);
const CHATML =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
/** Results of tools side by side share a message of the user; no two messages of one role. */
const GROUPING =
  "{% for m in messages %}{% if m.role == 'tool' %}{% if messages[loop.index0 - 1].role != 'tool' %}<|im_start|>user{% endif %}\n<result>\n{{ m.content }}\n</result>{% if loop.last or messages[loop.index0 + 1].role != 'tool' %}<|im_end|>\n{% endif %}{% else %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
const STRICT = `{% for m in messages %}{% if m.role not in ['system', 'user', 'assistant'] %}{{ raise_exception('no such role') }}{% endif %}{% endfor %}${CHATML}`;

function codecOf(template: string, format: ToolCallFormatName = 'hermes', awareness = true): TemplateCodec {
  return new TemplateCodec({
    tokenizer,
    template: new ChatTemplate(template),
    specialTokens: {},
    endTokens: [id('<|endoftext|>')],
    format,
    awareness,
    instructions: 'Call functions.',
  });
}

const formats = toolCallFormatSchema.options;
const awareness = { summary: 'in:docs', plan: 'ls' };
const callTexts = ["ls(path='docs', depth=2)", 'pwd()'];
/** Text that may try to forge a boundary. */
const content = fc
  .array(
    fc.oneof(
      fc.string({ maxLength: 6 }),
      fc.constantFrom('<|im_end|>', '<|im_start|>', '<|endoftext|>', '\uf8ff0\uf8ff', '\n', ' '),
    ),
    { maxLength: 6 },
  )
  .map((pieces) => pieces.join(''));

describe.each(formats)('format %s', (format) => {
  const codec = codecOf(CHATML, format);
  const plain = codecOf(CHATML, format, false);

  test('what the policy is to write is read back, with and without awareness', () => {
    for (const parts of [{ callTexts }, { callTexts: [], message: 'The folder is empty.' }]) {
      const withAwareness = codec.encodeCompletion(renderCompletion({ ...parts, awareness }));
      const read = codec.readCompletion(withAwareness, { awareness: true });
      expect(read.parsed).toMatchObject({ ...parts, awareness });
      expect(read.parsed.formatError).toBeUndefined();
      expect(read.text.startsWith('<summary>in:docs</summary>\n<think>ls</think>\n')).toBe(true);
      expect(read.text.endsWith('<|im_end|>')).toBe(true);
      const without = plain.encodeCompletion(renderCompletion(parts));
      expect(plain.readCompletion(without, { awareness: false }).parsed).toMatchObject(parts);
      // The awareness comes first, and is encoded apart: a judge scores the call behind it.
      const head = renderCompletion({ ...parts, awareness }).slice(0, 6);
      expect(withAwareness).toEqual([...codec.encodeCompletion(head), ...without]);
    }
  });

  test('law: any ids give a result, and the calls of a completion that is cut anywhere are never half read', () => {
    const whole = codec.encodeCompletion(renderCompletion({ awareness, callTexts }));
    for (let length = 0; length < whole.length; length += 1) {
      const { parsed } = codec.readCompletion(whole.slice(0, length), { awareness: true });
      expect(parsed.formatError).toMatch(/cut off/);
      expect(parsed.calls).toEqual([]);
    }
    fc.assert(
      fc.property(fc.array(fc.nat({ max: tokenizer.vocabSize + 20 }), { maxLength: 30 }), (ids) => {
        const { parsed } = codec.readCompletion(ids, { awareness: true });
        if (parsed.formatError !== undefined) expect(parsed.calls).toEqual([]);
      }),
    );
  });
});

test('law: a prompt is what the template renders, whatever the data say, and no data makes a control token', () => {
  const rendered = new ChatTemplate(GROUPING);
  const codec = codecOf(GROUPING);
  const message = fc.record({ role: fc.constantFrom('user', 'assistant', 'tool'), content });
  fc.assert(
    fc.property(content, fc.array(message, { maxLength: 5 }), (system, dialogue) => {
      const said = (role: string, body: string): ContextMessage =>
        role === 'assistant'
          ? { role, segments: [special('<|assistant|>'), text(body), special('<|end|>')] }
          : textMessage(role as 'user', body);
      const prompt = codec.encodePrompt([
        textMessage('system', system),
        ...dialogue.map(({ role, content: body }) => said(role, body)),
      ]);
      const expected = rendered.render({
        messages: [
          { role: 'system', content: ['Call functions.', system].filter((part) => part !== '').join('\n\n') },
          ...dialogue,
        ],
        addGenerationPrompt: true,
      }).text;
      expect(tokenizer.decode(prompt)).toBe(expected);
      const groups = dialogue.filter(({ role }, i) => role !== 'tool' || dialogue[i - 1]?.role !== 'tool').length;
      expect(prompt.filter((each) => each === id('<|im_start|>'))).toHaveLength(groups + 2);
      expect(prompt.filter((each) => each === id('<|im_end|>'))).toHaveLength(groups + 1);
      expect(prompt).not.toContain(id('<|endoftext|>'));
    }),
  );
});

test('generated ids are kept: the next prompt begins with the prompt and the completion, however it ended', () => {
  const codec = codecOf(CHATML);
  const context = new ConversationContext([], 'history');
  context.beginTurn(['list docs']);
  const render = () => {
    const prompt = context.renderPrompt({ maxPromptTokens: 1e6, countTokens: (each) => codec.countPromptTokens(each) });
    if (!prompt.ok) throw new Error('expected a prompt');
    expect(prompt.tokens).toBe(codec.encodePrompt(prompt.messages).length);
    return codec.encodePrompt(prompt.messages);
  };
  // Ids that encoding the text again would not give.
  const letters = [...'ls docs'].map((letter) => tokenizer.encode(letter)[0]!);
  let before: number[] = [];
  for (const ending of [[id('<|im_end|>')], [id('<|endoftext|>')], []]) {
    const prompt = render();
    expect(prompt.slice(0, before.length)).toEqual(before);
    const ids = [...letters, ...ending];
    before = [...prompt, ...ids];
    context.addStep({ callTexts: ['ls()'], results: ['a'], completion: [{ kind: 'tokens', ids }] });
    const next = render();
    expect(next.slice(0, before.length)).toEqual(before);
    // The template's own end comes only where the policy wrote none.
    const [first] = next.slice(before.length);
    expect(first === id('<|im_end|>')).toBe(ending.length === 0);
  }
});

test('a template without results of tools gets them from the user', () => {
  const codec = codecOf(STRICT);
  const prompt = codec.encodePrompt([textMessage('system', ''), textMessage('user', 'u'), textMessage('tool', 'r')]);
  expect(tokenizer.decode(prompt)).toBe(
    '<|im_start|>system\nCall functions.<|im_end|>\n<|im_start|>user\nu<|im_end|>\n<|im_start|>user\nr<|im_end|>\n<|im_start|>assistant\n',
  );
});

test('templates that cannot be used say why', () => {
  expect(() => codecOf('{% for m in messages %}{{ m.content }}\n{% endfor %}')).toThrow(
    /ends a message .* special token/,
  );
  expect(() => codecOf("{{ raise_exception('never') }}")).toThrow(UsageError);
  const forgetful = codecOf(`{% set messages = messages[-4:] %}${CHATML}`);
  const said = (body: string): ContextMessage => ({
    role: 'assistant',
    segments: [special('<|assistant|>'), text(body), special('<|end|>')],
  });
  expect(() => forgetful.encodePrompt(Array.from({ length: 8 }, (_, i) => said(String(i))))).toThrow(
    /once and in order/,
  );
});

test('ids outside the vocabulary are a format error, not a crash', () => {
  const { parsed } = codecOf(CHATML).readCompletion([tokenizer.vocabSize + 5, id('<|im_end|>')], { awareness: false });
  expect(parsed.formatError).toBe(`expected tokens of the vocabulary, received id ${tokenizer.vocabSize + 5}`);
});

test('special tokens inside a completion are ordinary text', () => {
  const codec = codecOf(CHATML);
  const completion: Segment[] = renderCompletion({ callTexts: ["echo(content='<|im_end|>')"] });
  const ids = codec.encodeCompletion(completion);
  expect(ids.filter((each) => each === id('<|im_end|>'))).toHaveLength(1);
  expect(codec.readCompletion(ids, { awareness: false }).parsed.callTexts).toEqual(["echo(content='<|im_end|>')"]);
});

test('our own tokenizers are told from others by their special tokens', () => {
  const own = new Tokenizer(trainBpe(['ls'], { vocabSize: SPECIAL_TOKENS.length + 256 }));
  expect([SegmentCodec.fits(own), SegmentCodec.fits(tokenizer)]).toEqual([true, false]);
});
