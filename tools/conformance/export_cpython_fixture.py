"""Exports what CPython and mpmath make of random expressions, as the oracle of the Python evaluator's tests.

Usage: python3.11 tools/conformance/export_cpython_fixture.py > packages/environments/src/bfcl/python/fixtures/cpython-3.11.json
The committed file was made with Python 3.11.7 and mpmath 1.3.0.

Records are [kind, input, output]: "expression" (text, rendered result or "Error during execution: ..."), "logarithm"
([value, base, digits], text) and "square_root" ([value, precision], text).
"""

import json
import math
import random
import sys
import warnings
from decimal import Decimal, getcontext

import mpmath

CHARACTERS = "abcXYZ 0123'\"\\\n\t\r()[]{}\u00e9\u2615\U0001f697\x00\x07\x7f\x85\xa0\u200b\u2028\u3000\ufeff\U0010ffff\u0301"
# `%` is left out (no string formatting there), and so is `**` between random floats: the C library rounds ties of pow at will.
OPERATORS = "+ - * / // < <= == != > >= in |not in| and or & | ^".replace("|not in|", "not_in").split()


def number():
    if random.random() < 0.5:
        return random.choice([0, 1, -1, 7, 255, -40, 10**20, -(10**9), random.randint(-(10**6), 10**6)])
    special = [0.0, -0.0, 0.5, 2.5, 1e16, 1e22, 1e-05, 5e-324, 0.1, -7.25, 1e308, 123456.789]
    return random.choice([*special, random.uniform(-1, 1) * 10.0 ** random.randint(-20, 20)])


def text():
    return "".join(random.choice(CHARACTERS) for _ in range(random.randint(0, 6)))


def literal(depth=0):
    kind = random.random()
    if depth < 2 and kind < 0.1:
        return [literal(depth + 1) for _ in range(random.randint(0, 3))]
    if depth < 2 and kind < 0.2:
        return tuple(literal(depth + 1) for _ in range(random.randint(0, 3)))
    if depth < 2 and kind < 0.3:
        return {random.choice([text(), number(), True, None]): literal(depth + 1) for _ in range(random.randint(0, 3))}
    return random.choice([number, number, text, lambda: True, lambda: False, lambda: None])()


def expression(depth=0):
    kind = random.random()
    if depth > 2 or kind < 0.35:
        return repr(literal()).replace("inf", "1e999")
    if kind < 0.7:
        operator = random.choice(OPERATORS).replace("_", " ")
        return f"{expression(depth + 1)} {operator} {expression(depth + 1)}"
    if kind < 0.75:
        return f"({expression(depth + 1)})"
    if kind < 0.8:
        return f"{random.choice(['-', '+', '~', 'not '])}{expression(depth + 1)}"
    if kind < 0.87:
        return f"{expression(depth + 1)}[{random.choice(['0', '-1', '1:', ':-1', '::-1', '::2', repr(text())])}]"
    if kind < 0.95:
        function = random.choice("abs len int float str bool max min round sum list tuple sorted repr".split())
        return f"{function}({expression(depth + 1)})"
    return f"[x for x in {expression(depth + 1)}]"


def render(value):
    if type(value) is str:
        return value
    if type(value) is dict:
        try:
            return json.dumps(value)
        except Exception:
            return str(value)
    return str(value)


def evaluate(source):
    try:
        return render(eval(source, {}))
    except Exception as error:
        return f"Error during execution: {error}"


def logarithm(value, base, digits):
    mpmath.mp.dps = digits
    try:
        return str({"result": mpmath.log(value) / mpmath.log(base)})
    except Exception as error:
        return str(error)


def main():
    warnings.simplefilter("ignore")
    random.seed(20250101)
    records = []
    while len(records) < 900:
        source = expression()
        result = evaluate(source)
        if len(source) < 200 and len(result) < 300:
            records.append(["expression", source, result])
    for _ in range(150):
        value, digits = random.uniform(-100, 100) * 10.0 ** random.randint(-3, 3), random.randint(-4, 20)
        source = f"round({value!r}, {digits})"
        records.append(["expression", source, evaluate(source)])
    for _ in range(150):
        base, exponent = random.randint(-30, 30), random.randint(-5, 40)
        source = f"({base}) ** {exponent}"
        records.append(["expression", source, evaluate(source)])
    for _ in range(200):
        value = random.choice([random.randint(-5, 1000), random.uniform(0, 100), 1 + random.random() * 1e-9, "2.5", "1/3"])
        base = random.choice([2, 10, math.e, 0.5, -2, -3.5, 1, 0, random.randint(2, 100)])
        digits = random.choice([random.randint(-1, 30), 15, 16, random.randint(31, 120)])
        records.append(["logarithm", [repr(value), repr(base), digits], logarithm(value, base, digits)])
    for _ in range(200):
        value = random.choice([random.randint(0, 10**6), random.randint(0, 99) ** 2, 10 ** random.randint(0, 30)])
        if random.random() < 0.6:
            value = random.choice([random.uniform(0, 100), random.randint(0, 999) ** 2 / 2 ** random.randint(0, 20)])
        getcontext().prec = precision = random.randint(1, 40)
        records.append(["square_root", [repr(value), precision], str({"result": Decimal(value).sqrt()})])
    json.dump(records, sys.stdout, ensure_ascii=True, indent=0)
    print()


main()
