import { ConfigError } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { pyRepr } from '../bfcl/python/render.js';
import { listedNames, moduleLiterals, returnedLiteral } from './python-module.js';

const MODULE = `# A comment with a quote '
from thing import Task, Action

TASKS: list = [
    Task(
        user_id="u1",  # trailing comment (
        instruction="It's \\"quoted\\", and "
        'goes on',
        actions=[Action(name="pay", kwargs={"amount": 5.0, "n": -3, "ok": True, "none": None})],
        outputs=[],
    ),
]
TEXT = """line one
FAKE = [1]
'unbalanced ( in a text'
"""
PAIR = (1, 2)
COMPUTED = len(TASKS)
EVIL = __import__("os").system("true")
def f():
    LOCAL = 1
`;

test('literals are read, numbers keep their types, and nothing else is run or taken', () => {
  const literals = moduleLiterals(MODULE, new Set(['Task', 'Action']));
  expect(Array.from(literals, ([name, value]) => `${name} = ${pyRepr(value)}`)).toEqual([
    `TASKS = [{'user_id': 'u1', 'instruction': 'It\\'s "quoted", and goes on', 'actions': [{'name': 'pay', 'kwargs': {'amount': 5.0, 'n': -3, 'ok': True, 'none': None}}], 'outputs': []}]`,
    `TEXT = "line one\\nFAKE = [1]\\n'unbalanced ( in a text'\\n"`,
    'PAIR = (1, 2)',
  ]);
  expect(moduleLiterals(MODULE).has('TASKS')).toBe(false);
});

const TOOL = `class Think(Tool):
    @staticmethod
    def invoke(data: Dict[str, Any], thought: str) -> str:
        return ""

    @staticmethod
    def get_info() -> Dict[str, Any]:
        return {
            "name": "think",
            "description": (
                "Two "
                "parts."
            ),
        }
`;

test('what a function returns, where that is a literal', () => {
  expect(pyRepr(returnedLiteral(TOOL, 'get_info', 'think.py'))).toBe("{'name': 'think', 'description': 'Two parts.'}");
  expect(() => returnedLiteral(TOOL, 'nothing', 'think.py')).toThrow(/^think\.py: expected a function nothing/);
  expect(() => returnedLiteral('def g():\n    return open("x")', 'g', 'm.py')).toThrow(ConfigError);
});

test('names in a list', () => {
  expect(listedNames('ALL_TOOLS = [\n    A,\n    B,\n]\n', 'ALL_TOOLS', 'm')).toEqual(['A', 'B']);
  expect(() => listedNames('ALL_TOOLS = ["a"]', 'ALL_TOOLS', 'm')).toThrow(ConfigError);
  expect(() => listedNames('', 'ALL_TOOLS', 'm')).toThrow(ConfigError);
});
