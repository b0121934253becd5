import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BfclEnvironment } from './bfcl-environment.js';
import { parseCallText } from './call-text.js';
import { decodePromptOutput } from './decode-prompt-output.js';
import { pyEquals } from './python/compare.js';
import { evaluate } from './python/evaluate.js';
import { JsonSyntaxError, readJson } from './python/json-reader.js';
import { parseExpression } from './python/parser.js';
import { pyJson, pyRepr } from './python/render.js';
import { unparse } from './python/unparse.js';
import { PyDict, PyTuple, type PyValue } from './python/value.js';
import { apiClass, apiClassNames } from './registry.js';

const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }));
const scalar: fc.Arbitrary<PyValue> = fc.oneof(
  text,
  fc.bigInt(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
);
const { value: pyValue } = fc.letrec<{ value: PyValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => new PyTuple(items)),
    fc.array(fc.tuple(scalar, tie('value')), { maxLength: 4 }).map((entries) => new PyDict(entries)),
  ),
}));

const noNames = () => undefined;

test('repr, parsed and evaluated, is the value again, ints and floats apart', () => {
  fc.assert(
    fc.property(pyValue, (value) => {
      const source = pyRepr(value);
      const back = evaluate(parseExpression(source), noNames);
      expect(pyEquals(back, value)).toBe(true);
      expect(pyRepr(back)).toBe(source);
    }),
  );
});

test('unparse of a parsed value parses to the same again', () => {
  fc.assert(
    fc.property(pyValue, (value) => {
      const expression = parseExpression(pyRepr(value));
      expect(unparse(parseExpression(unparse(expression)))).toBe(unparse(expression));
    }),
  );
});

test('JSON written and read is the value again', () => {
  const json = fc.letrec<{ value: PyValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      scalar,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.array(fc.tuple(text, tie('value')), { maxLength: 4 }).map((entries) => new PyDict(entries)),
    ),
  })).value;
  fc.assert(
    fc.property(json, (value) => {
      expect(pyJson(readJson(pyJson(value)))).toBe(pyJson(value));
      // Our ASCII JSON is also standard JSON.
      expect(() => JSON.parse(pyJson(value)) as unknown).not.toThrow();
    }),
  );
});

const identifier = fc.stringMatching(/^[a-z]{1,6}_[a-z]{1,6}$/);

test('a tool call rendered and parsed is the same call', () => {
  const call = fc.record({
    name: identifier,
    args: fc.uniqueArray(fc.tuple(identifier, scalar), { selector: ([key]) => key, maxLength: 4 }),
  });
  fc.assert(
    fc.property(call, ({ name, args }) => {
      const toolCall = { name, arguments: pyJson(new PyDict(args)) };
      expect(parseCallText(BfclEnvironment.renderCall(toolCall))).toEqual(toolCall);
    }),
  );
});

function environmentOf(): BfclEnvironment {
  const environment = new BfclEnvironment();
  environment.reset(
    {
      id: 'law',
      environment: 'bfcl',
      category: 'law',
      involvedClasses: [...apiClassNames],
      initialConfig: '{"TwitterAPI": {"authenticated": true}, "TicketAPI": {"current_user": "ann"}}',
      tools: [],
      turns: [{ messages: [], groundTruth: [] }],
    },
    1,
  );
  return environment;
}

/** Calls of real methods with few names and ids, so that they meet each other, and some odd values. */
const argument = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom("'a'", "'b'", "'.'", "'..'", "'/'", "''", '0', '1', '2', "['@a']", "{'title': 't'}"),
  },
  { weight: 1, arbitrary: pyValue.map(pyRepr) },
  { weight: 1, arbitrary: fc.constantFrom('get_ticket(1)', 'get_tweet(0)', 'ls()', "post_tweet('n')") },
);
const methodCall = fc
  .constantFrom(...apiClassNames.flatMap((name) => Object.entries(apiClass(name)?.methods ?? {})))
  .chain(([name, { parameters }]) =>
    fc.array(argument, { minLength: 0, maxLength: parameters.length }).map((values) => `${name}(${values.join(', ')})`),
  );

test('any text is executed to a result, and no failure is ours', () => {
  const garbage = fc.oneof(
    text,
    methodCall,
    fc
      .array(fc.constantFrom(...'()[]{},.=\'"\\+-*/%<>:@~ \n0j1.5e9xNoneif'), { maxLength: 40 })
      .map((parts) => parts.join('')),
    fc.tuple(methodCall, fc.nat(), text).map(([call, at, insert]) => {
      const index = at % (call.length + 1);
      return call.slice(0, index) + insert + call.slice(index);
    }),
  );
  const environment = environmentOf();
  fc.assert(
    fc.property(garbage, (callText) => {
      const result = environment.execute(callText);
      expect(typeof result.content).toBe('string');
      expect(result.fault).not.toBe('environment');
      decodePromptOutput(callText);
    }),
    { numRuns: 1000 },
  );
});

test('reading JSON garbage throws its own error only', () => {
  const garbage = fc.oneof(
    text,
    fc.array(fc.constantFrom(...'{}[]",:0123.-eE\\u tfn'), { maxLength: 30 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(garbage, (json) => {
      try {
        readJson(json);
      } catch (error) {
        expect(error).toBeInstanceOf(JsonSyntaxError);
      }
    }),
    { numRuns: 500 },
  );
});

test('after restore an episode goes on as if nothing had happened', () => {
  fc.assert(
    fc.property(
      fc.array(methodCall, { maxLength: 12 }),
      fc.array(methodCall, { maxLength: 8 }),
      fc.array(methodCall, { maxLength: 12 }),
      (before, detour, after) => {
        const straight = environmentOf();
        const winding = environmentOf();
        for (const call of before) expect(winding.execute(call)).toEqual(straight.execute(call));
        const snapshot = winding.snapshot();
        const digest = winding.digest();
        for (const call of detour) winding.execute(call);
        winding.restore(snapshot);
        expect(winding.digest()).toBe(digest);
        for (const call of after) expect(winding.execute(call)).toEqual(straight.execute(call));
        expect(winding.digest()).toBe(straight.digest());
      },
    ),
    { numRuns: 200 },
  );
});

test('equal digests go with equal public states', () => {
  fc.assert(
    fc.property(fc.array(methodCall, { maxLength: 10 }), methodCall, (calls, last) => {
      const environment = environmentOf();
      for (const call of calls) environment.execute(call);
      const digest = environment.digest();
      const state = publicState(environment);
      environment.execute(last);
      if (environment.digest() === digest) expect(publicState(environment)).toEqual(state);
    }),
    { numRuns: 200 },
  );
});

/** Cyclic states have no encoding; their digests are compared by the law above. */
function publicState(environment: BfclEnvironment): unknown {
  try {
    return Object.fromEntries(environment.publicState());
  } catch (error) {
    return (error as Error).message;
  }
}
