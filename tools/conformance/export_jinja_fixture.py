"""Renders templates of our own with Python's jinja2, for packages/chat/src/jinja/interpreter.test.ts.

    pip install jinja2==3.1.6
    python3 tools/conformance/export_jinja_fixture.py > packages/chat/src/jinja/fixtures/jinja2.json

The environment is the one in which transformers 5 renders chat templates: sandboxed, immutable, trim_blocks, lstrip_blocks,
loop controls, and its tojson, raise_exception and strftime_now. Written for this project; no template of a model is in it.
"""

import datetime
import json
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime.datetime(2024, 2, 5, 15, 4, 9)


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


def environment():
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols]
    )

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda format: NOW.strftime(format)
    return env


DATA = {
    "s": "Hello, World",
    "u": "naïve Ünïcode 👩‍👩‍👧 ﬁn ß",
    "empty": "",
    "n": 7,
    "neg": -7,
    "f": 2.5,
    "t": True,
    "none": None,
    "xs": [3, 1, 2, 1],
    "words": ["banana", "Apple", "cherry", "apple"],
    "nested": [[1, [2, 3]], {"a": {"b": [1.0, None, True, "q'\""]}}],
    "d": {"b": 2, "a": 1, "C": 3, "items": "shadow", "10": "ten"},
    "people": [
        {"name": "Ann", "age": 31, "tags": ["x", "y"], "addr": {"city": "Oslo"}},
        {"name": "bob", "age": 25, "tags": [], "addr": {"city": "rome"}},
        {"name": "Cy", "age": 31, "tags": ["y"], "addr": {"city": "Oslo"}},
    ],
    "tree": [{"v": 1, "kids": [{"v": 2, "kids": []}, {"v": 3, "kids": [{"v": 4, "kids": []}]}]}],
    "html": "<b class=\"x\">A & B's</b>",
    "lines": "one\n  two\n\nthree\n",
    "pad": " \t padded \n ",
    "big": 123456789012345678901234567890,
}

EXPRESSIONS = r"""
1 + 2 * 3 ** 2
-2 ** 2
2 ** 3 ** 2
2 ** -1
7 // 2
-7 // 2
7 % -3
-7 % 3
7.5 // 2
-7.5 % 2
7 / 2
6 / 3
1 / 3
1e3
1.5e-7
1e16
123456789.125 * 1
0.1 + 0.2
100000000000000000000 + 1
1e22
1e15 + 0.5
-0.0
5 - 5.0
true + 1
true == 1
1 == 1.0
'a' ~ 1 ~ none ~ true ~ 1.0 ~ [1]
'a' + 'b'
'ab' * 3
3 * [1, 2]
[1] + [2]
(1, 2) + (3,)
()
(1,)
1, 2
'%s-%r-%05.1f-%x-%o-%e-%g' % ('a', 'b', 3.14159, 255, 8, 12345.678, 0.00001)
'%(a)s %(b)d' % {'a': 1, 'b': 2}
'%-5s|%5s|%+d|% d|%%' % ('a', 'b', 5, 6)
'%d' % 3.99
'%.3s' % 'abcdef'
'%c%c' % ('x', 65)
'%g %g %g' % (1e10, 1e-5, 100000)
'{} {1} {0}'.format('a', 'b') if false else '{0} {1} {0}'.format('a', 'b')
'{:>8}|{:<8}|{:^8}|{:*^9}'.format('a', 'b', 'c', 'd')
'{:05d} {:+.2f} {:,} {:x} {:#x} {:b} {:.3e} {:%} {:.1%}'.format(42, 3.14159, 1234567, 255, 255, 5, 12345.678, 0.25, 0.256)
'{name} is {age:>4}'.format(name='Ann', age=3)
'{p[name]} {p[tags][0]}'.format(p=people[0])
'{!r} {!s}'.format('a', 'b')
'{{}}'.format()
'{:{w}}|'.format('a', w=4)
'{:.2f} {:10.3f}|{:<10.1f}|'.format(2.675, 3.14159, 2.5)
'{} {}'.format(1.0, true)
xs[0] ~ xs[-1] ~ xs[9]
xs[1:] ~ xs[:-1] ~ xs[::-1] ~ xs[::2] ~ xs[-2:] ~ xs[5:1]
s[0] ~ s[-1] ~ s[1:4] ~ s[::-1] ~ s[::3]
u[6:13] ~ u[-4:] ~ u|length
u[14]
(1, 2, 3)[1:]
d.a ~ d['b'] ~ d.items is callable ~ d['items'] ~ d.missing ~ d['missing']
d.get('a') ~ d.get('zz') ~ d.get('zz', 5)
d.keys() | list
d.values() | list
d.items() | list
d.items()
d | length
'a' in d
'z' not in d
'ell' in s
3 in xs
[1] in [[1], [2]]
1 < 2 < 3
1 < 2 > 5
'a' < 'b'
'Z' < 'a'
[1, 2] < [1, 3]
not t
not t or n
n and none
none or 0 or 'x'
n if t else s
(n if not t) is undefined
(n if not t)
missing is undefined
missing is defined
missing | default('x')
none | default('x')
none | default('x', true)
'' | default('x', boolean=true)
missing.attr is defined if false else 'skipped'
n is odd
n is even
n is divisibleby 7
n is divisibleby(3)
n is number ~ f is number ~ t is number ~ s is number
n is integer ~ f is integer ~ t is integer ~ f is float ~ n is float
t is boolean ~ n is boolean
t is true ~ n is true ~ t is false
none is none ~ s is none
s is string ~ xs is string
d is mapping ~ xs is mapping
xs is sequence ~ d is sequence ~ n is sequence ~ s is sequence
xs is iterable ~ n is iterable ~ s is iterable ~ missing is iterable
s is lower ~ 'abc' is lower ~ 'ABC' is upper ~ '123' is upper
n is eq 7 ~ n is ne 7 ~ n is gt 3 ~ n is lt 3 ~ n is ge 7 ~ n is le 6
n is equalto 7
n is in [7, 8]
n is not in [7, 8]
n is sameas 7
range is callable ~ s is callable
'upper' is filter ~ 'nofilter' is filter ~ 'odd' is test
-5 | abs
- 5 | abs
-2.5 | abs
s | upper ~ s | lower ~ s | title ~ 'hello wORLD-foo (bar)' | title
'hELLO' | capitalize
s | length ~ xs | count
xs | first ~ xs | last ~ [] | first ~ s | first ~ s | last
xs | sort
xs | sort(reverse=true)
words | sort
words | sort(case_sensitive=true)
words | sort(reverse=true)
people | sort(attribute='age') | map(attribute='name') | join(',')
people | sort(attribute='age,name', reverse=true) | map(attribute='name') | join(',')
people | map(attribute='addr.city') | list
people | map(attribute='tags.0', default='-') | list
people | map(attribute='nope') | list | length
words | map('upper') | join('|')
words | map('replace', 'a', 'A') | list
words | map('length') | sum
xs | sum
people | sum(attribute='age')
xs | sum(start=10)
[0.1, 0.2] | sum
xs | min ~ xs | max ~ words | min ~ words | max
people | max(attribute='age')
[] | max
words | unique | list
words | unique(case_sensitive=true) | list
xs | unique | list
xs | reverse | list
s | reverse
xs | select('odd') | list
xs | select | list
xs | reject('equalto', 1) | list
xs | select('>', 1) | list
people | selectattr('tags') | map(attribute='name') | list
people | selectattr('age', 'gt', 30) | map(attribute='name') | list
people | rejectattr('age', 'equalto', 31) | map(attribute='name') | list
people | selectattr('addr.city', 'in', ['Oslo']) | list | length
people | groupby('age') | list | length
people | map(attribute='tags') | list
xs | batch(3) | list
xs | batch(3, 'x') | list
xs | slice(3) | list
xs | slice(3, 'x') | list
xs | join
xs | join(', ')
people | join(', ', attribute='name')
s | replace('l', 'L')
s | replace('l', 'L', 1)
'abc' | replace('', '-')
n | replace('7', '8')
pad | trim ~ '|' ~ pad | trim(' \t')
'xxhixx' | trim('x')
s | truncate(8) ~ '|' ~ s | truncate(3, true) ~ '|' ~ s | truncate(5, false, '..', 0)
'a longer sentence of words' | truncate(12)
'a longer sentence of words' | truncate(12, true, '', 0)
s | center(20) ~ '|'
lines | indent
lines | indent(2, true) ~ '|' ~ lines | indent('> ', blank=true)
lines | wordcount
'a-b c' | wordcount
s | list
d | list
d | dictsort
d | dictsort(true)
d | dictsort(by='value', reverse=true)
d | items | list
missing | items | list
'42' | int ~ '4x' | int ~ '4.9' | int ~ 'x' | int(5) ~ '0x1f' | int(0, 16) ~ 3.9 | int ~ none | int
'1_000' | int
'ff' | int(0, 16) ~ '101' | int(0, 2)
'1.5' | float ~ 'x' | float ~ 'x' | float(2.5) ~ 7 | float ~ 'inf' | float ~ '1e3' | float
2.5 | round ~ 3.5 | round ~ 2.675 | round(2) ~ 42.55 | round(1, 'floor') ~ 42.51 | round(1, 'ceil') ~ 5 | round
1234.5 | round(-2)
'%s, %s' | format('a', 'b')
'%(x)s' | format(x=1)
html | e
html | escape | length
html | striptags
html | safe
'a b/c?d=é' | urlencode
{'a': 1, 'b c': 'd&e'} | urlencode
nested
nested | string
nested | tojson
nested | tojson(indent=2)
d | tojson(sort_keys=true)
d | tojson(separators=(',', ':'))
nested | tojson(indent=4, separators=(',', '= '))
u | tojson
u | tojson(ensure_ascii=true)
'\x7f\x00\n\t\u2028"\\/' | tojson
[] | tojson(indent=2) ~ {} | tojson(indent=2)
[1.0, 1e-7, 1e16, -0.0, 123456789.125, 1e100] | tojson
{1: 'a', 2.5: 'b', none: 'c', true: 'd'} | tojson
(1, 2) | tojson
xs | tojson(indent='--')
big ~ big * big
big | tojson
d
people[0]
'it\'s' ~ ["it's", 'say "hi"', 'both \' and "']
['tab\t', 'nl\n', 'back\\', 'del\x7f', 'é', '\u200b', '👩']
[none, true, 1, 1.0, 'a', (1,), (1, 2), {'a': 1}]
pad.strip() ~ '|' ~ pad.lstrip() ~ '|' ~ pad.rstrip() ~ '|'
'\n\nabc\n'.lstrip('\n') ~ '|' ~ '\n\nabc\n'.strip('\n') ~ '|'
'xyabcyx'.strip('xy')
s.split(',')
' a  b c '.split()
' a  b c '.split(' ')
'a,b,c,d'.split(',', 2)
'a,b,c,d'.rsplit(',', 2)
' a  b c '.split(none, 1)
' a  b c '.rsplit(none, 1)
''.split() ~ ''.split(',')
'aXXbXXc'.split('XX') ~ 'aaa'.split('aa') ~ 'aaa'.rsplit('aa')
lines.splitlines()
lines.splitlines(true)
'a\r\nb\rc\x0bd\u2028e'.splitlines()
s.startswith('Hell') ~ s.endswith('ld') ~ s.startswith(('x', 'H')) ~ s.startswith('l', 2)
s.find('o') ~ s.rfind('o') ~ s.find('zz') ~ s.find('o', 5) ~ s.index('W')
u.find('ﬁ')
s.count('l') ~ s.count('') ~ 'aaaa'.count('aa')
s.replace('l', '') ~ s.replace('l', 'LL', 2) ~ 'abc'.replace('', '-', 2)
s.upper() ~ s.lower() ~ s.swapcase() ~ s.title() ~ "it's a dog's".title()
'ß'.upper() ~ 'ﬁ'.upper() ~ 'İ'.lower() | length
'abc'.center(8, '*') ~ 'abc'.center(7) ~ '|' ~ 'abcd'.center(7, '*') ~ 'abc'.ljust(5, '.') ~ 'abc'.rjust(5, '.')
'42'.zfill(5) ~ '-42'.zfill(5) ~ '+4'.zfill(4)
'a\tb'.expandtabs() ~ '|' ~ 'a\tb'.expandtabs(4)
'abc'.isalpha() ~ 'a1'.isalnum() ~ '12'.isdigit() ~ '1.2'.isdigit() ~ ' '.isspace() ~ ''.isspace() ~ 'Ab'.istitle()
'a=b=c'.partition('=') ~ 'a=b=c'.rpartition('=') ~ 'abc'.partition('=')
', '.join(words)
'pre_fix'.removeprefix('pre_') ~ 'pre_fix'.removesuffix('_fix')
xs.index(2) ~ xs.count(1)
range(5) | list
range(1, 10, 3) | list
range(5, 0, -2) | list
range(3)
range(5)[1] ~ range(5)[-1] ~ range(3) | length
dict(a=1, b=2)
dict({'x': 1}, y=2)
dict([('a', 1)])
strftime_now('%Y-%m-%d %H:%M:%S')
strftime_now('%a %A %b %B %d %j %U %W %w %y %I %p %% %e %-d %-m %D %F %T %R %G-W%V-%u')
strftime_now('%d %b %Y')
"a" "b" 'c'
'\u00e9\x41\101\n' ~ '\q'
1_000 + 0x1F + 0b11 + 0o17
[1, 2, 3,]
{'a': 1,}
{'a': {'b': [1, {'c': 2}]}}.a.b[1].c
people[0].name ~ people.0.name
people[0]['addr']['city'][0]
(people | first).name
people | map(attribute='name') | map('upper') | list
xs is defined and xs[0] == 3
'yes' if xs else 'no'
[] == [] ~ {} == {} ~ [1, 2] == [1, 2.0] ~ {'a': 1} == {'a': 1.0} ~ (1,) == [1]
none == none ~ none != 0 ~ missing == missing2
words | map('first') | join
'abc' | list | join('-')
[1, [2, [3]]] | string | length
xs | length > 3
not xs is defined
n is defined and not missing is defined
d['10'] ~ d.get('10')
people | map(attribute='addr') | map(attribute='city') | unique | join('/')
'%02d' % n
'%s' % none ~ '%s' % [1] ~ '%s %s' % (1, 2)
joiner is callable
people | tojson | length
s | e | upper
xs | map('string') | join('+')
xs | map('float') | list
lines | trim | replace('\n', ' ')
s.__class__
d.__len__ is defined
xs.append is defined
''['x'] is undefined
s.nope is undefined
xs.nope is undefined
5 | string | length
""".strip("\n").split("\n")

TEMPLATES = [
    "{% for x in xs %}{{ loop.index }}/{{ loop.length }}:{{ x }}{{ ', ' if not loop.last }}{% endfor %}",
    "{% for x in xs %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }};{% endfor %}",
    "{% for x in xs %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {{ loop.changed(x) }} {% endfor %}",
    "{% for x in xs %}{{ loop.cycle('a', 'b', 'c') }}{% endfor %}",
    "{% for x in xs if x > 1 %}{{ x }}-{{ loop.length }}{% else %}none{% endfor %}",
    "{% for x in xs if x > 10 %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in [] %}{% else %}empty{{ loop is defined }}{% endfor %}",
    "{% for k, v in d | dictsort %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for x in range(10) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for p in people %}{% for t in p.tags %}{{ p.name }}:{{ t }}:{{ loop.index }} {% endfor %}{{ loop.index }};{% endfor %}",
    "{% for node in tree recursive %}{{ loop.depth }}{{ node.v }}[{{ loop(node.kids) }}]{% endfor %}",
    "{% for c in 'añ👩' %}{{ c }}.{% endfor %}",
    "{% set x = 1 %}{% for i in [1, 2] %}{% set x = i + 10 %}{{ x }}{% endfor %}{{ x }}",
    "{% set ns = namespace(x=1, y=[]) %}{% for i in xs %}{% set ns.x = ns.x + i %}{% set ns.y = ns.y + [i] %}{% endfor %}{{ ns.x }}{{ ns.y }}",
    "{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}{{ ns.c is defined }}{{ ns['a'] }}",
    "{% if t %}{% set y = 5 %}{% endif %}{{ y }}",
    "{% if n > 10 %}a{% elif n > 5 %}b{% elif n > 3 %}c{% else %}d{% endif %}",
    "{% if missing %}a{% else %}b{% endif %}{% if '' or [] or {} or 0 or 0.0 or none %}c{% else %}d{% endif %}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set c = 1, 2 %}{{ c }}",
    "{% set block %}in {{ n }} block{% endset %}[{{ block }}]",
    "{% set block | upper | replace('N', 'm') %}in {{ n }} block{% endset %}[{{ block }}]",
    "{% filter upper %}abc {{ s }}{% endfilter %}",
    "{% filter replace('a', 'b') | upper %}abca{% endfilter %}",
    "{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}",
    "{% macro m(a, b=2, c='x') %}{{ a }}-{{ b }}-{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, c=3) }}{{ m(a=5, b=6) }}{{ m() }}",
    "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, 2) }}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}",
    "{% macro m(a) %}{{ a }}[{{ caller() }}]{% endmacro %}{% call m('x') %}body {{ n }}{% endcall %}",
    "{% macro m(xs) %}{% for x in xs %}{{ caller(x, loop.index) }}{% endfor %}{% endmacro %}{% call(v, i) m(xs) %}<{{ v }}@{{ i }}>{% endcall %}",
    "{% macro fact(n) %}{% if n <= 1 %}1{% else %}{{ n * fact(n - 1) | int }}{% endif %}{% endmacro %}{{ fact(10) }}",
    "{% macro m() %}{{ later }}{% endmacro %}{% set later = 'L' %}{{ m() }}",
    "{% macro m() %}{% set inner = 1 %}{{ inner }}{% endmacro %}{{ m() }}{{ inner is defined }}{{ m.name }}{{ m.arguments }}",
    "{% macro outer() %}{% macro inner(x) %}({{ x }}){% endmacro %}{{ inner(1) }}{{ inner(2) }}{% endmacro %}{{ outer() }}",
    "{% raw %}{{ not }} {% evaluated %} {# at all #}{% endraw %}|",
    "{%- raw -%}  {{ x }}  {%- endraw -%}  |",
    "a {# comment #} b {#- strip -#} c",
    "  {# own line #}\nx\n  {% if t %}\n  y\n  {% endif %}\nz\n",
    "  {%+ if t %}\n  y\n  {%+ endif +%}\nz\n",
    "a\n{{ n }}\nb",
    "a  {{- n -}}  b",
    "a\n\n  {%- if t -%}\n  x\n  {%- endif -%}\n\nb",
    "{{ '  {{ }} %} ' }}|{{ '#}' }}",
    "trailing newline\n",
    "two trailing newlines\n\n",
    "crlf\r\n{% if t %}\r\nx\r\n{% endif %}\r\ny\r",
    "{{ {'a': {'b': 1}}['a']['b'] }}{{ {} }}",
    "{{ {'x': 1}.x }}{{ {'x':{'y':2}}.x.y}}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.next() }}",
    "{% set j = joiner('; ') %}{% for x in xs %}{{ j() }}{{ x }}{% endfor %}",
    "{% set gen = xs | map('string') %}{{ gen | join(',') }}|{{ gen | join(',') }}",
    "{{ (xs | map('string'))[0] is undefined }}",
    "{% for g in people | groupby('age') %}{{ g.grouper }}:{{ g.list | length }}:{{ g[0] }} {% endfor %}",
    "{% for age, group in people | groupby('age') %}{{ age }}={{ group | map(attribute='name') | join('+') }};{% endfor %}",
    "{% for row in xs | batch(2, 0) %}{{ row }}{% endfor %}",
    "{{ xs | map('multiply') | list }}",
    "{{ missing.x }}",
    "{{ missing() }}",
    "{{ missing + 1 }}",
    "{{ missing < 1 }}",
    "{{ none.x is undefined }}{{ none.x.y }}",
    "{{ 1 + 'a' }}",
    "{{ 'a' + 1 }}",
    "{{ 1 // 0 }}",
    "{{ xs.append(1) }}",
    "{{ d.update({}) }}",
    "{{ s.__class__.__mro__ }}",
    "{{ raise_exception('stop: ' ~ n) }}",
    "{% for x in n %}{% endfor %}",
    "{{ n() }}",
    "{% set missing.x = 1 %}",
    "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(a) %}{% endmacro %}{{ m(b=2) }}",
    "{{ xs | nofilter }}",
    "{{ xs is notest }}",
    "{% if %}x{% endif %}",
    "{% for x in xs %}",
    "{% endfor %}",
    "{{ 1 + }}",
    "{{ (1 }}",
    "{{ 'abc }}",
    "{# open",
    "{% unknown %}",
    "{{ }}",
    "{% set 1 = 2 %}",
    "{{ [1, 2] | tojson(indent=missing) }}",
    "{{ missing | tojson }}",
    "{{ missing | length }}{{ missing | list }}{{ missing | join }}{{ missing | string }}|{{ missing | upper }}",
    "{% set a = 1 -%}   {%- set b = 2 -%}   {{ a }}{{ b }}",
    "{% if t -%}\n   keep   \n{%- endif %}\n  x",
    "{% for x in xs -%}\n {{ x }}\n{%- endfor %}",
    "\t {% if t %}a{% endif %} \n b",
    "x {% if t %}\n  y\n{% endif %} z",
    "{%if t%}tight{%endif%}{{n}}{{-n-}}",
    "{{ 'a' if t }}{{ 'b' if not t }}|",
    "{% print n %}{% print n, s %}",
    "{% set x %}{% for i in xs %}{{ i }}{% if i == 1 %}{% break %}{% endif %}{% endfor %}{% endset %}{{ x }}",
    "{{ loop is defined }}{% for x in xs %}{% with %}{{ loop.index }}{% endwith %}{% endfor %}",
    "{% for x in xs %}{% set loop_index = loop.index %}{% for y in [1] %}{{ loop_index }}{% endfor %}{% endfor %}",
    "{% macro show(v) %}{% if v is mapping %}{ {%- for k, x in v.items() %}{{ k }}: {{ show(x) }}{{ ', ' if not loop.last }}{% endfor -%} }{% elif v is iterable and v is not string %}[{% for x in v %}{{ show(x) }}{{ ', ' if not loop.last }}{% endfor %}]{% else %}{{ v | tojson }}{% endif %}{% endmacro %}{{ show(nested) }}",
    "{%- for p in people %}\n{{ p.name }}\n{%- endfor %}",
    "{% for p in people %}\n- {{ p.name }}\n{% endfor %}\ndone",
    "{{ people | map(attribute='name') | sort | join(', ') }}{# c #}\n{# d #}\nend",
    "{% autoescape false %}{{ html }}{% endautoescape %}",
    "{% set items = [] %}{% for x in xs %}{% set items = items + [x] %}{% endfor %}{{ items }}",
    "{% set q = {'a': [1, 2]} %}{{ q.a[0] }}{{ q['a'][-1] }}{{ q.a | last }}",
    "{{ xs[n] }}{{ xs['a'] }}{{ xs[none] }}",
    "{{ xs[1.0] is undefined }}{{ d[1] is undefined }}{{ s['a'] is undefined }}",
    "{{ xs[true] }}{{ xs[missing] is undefined }}",
    "{{ u | upper }}{{ u | lower }}{{ u | title }}{{ u | reverse }}{{ u | truncate(8, true) }}{{ u | center(40) }}|",
    "{% set x = 'a' %}{% set f %}{{ x }}{% set x = 'b' %}{{ x }}{% endset %}{{ f }}{{ x }}",
    "{% macro a(caller) %}{{ caller() }}{% endmacro %}{% call a() %}hi{% endcall %}",
    "{% macro a(x) %}{{ x }}{{ caller() if caller is defined else 'no' }}{% endmacro %}{{ a(1) }}{% call a(2) %}yes{% endcall %}",
    "{% call(x) n %}{% endcall %}",
    "{% macro a(x, y) %}{% endmacro %}{% macro b(x=1, y) %}{% endmacro %}",
    "{{ [3, 1] | sort | first }}{{ [[2, 1], [1, 2]] | sort }}",
    "{{ [1, 'a'] | sort }}",
    "{{ 'x' * 5 ~ '-' * 2 }}",
    "{{ dict(a=1) == {'a': 1} }}{{ dict() }}",
    "{% for x in xs %}{{ x }}{% endfor %}{{ x is defined }}",
    "{{ namespace() is defined }}{% set ns = namespace(a=none) %}{{ ns.a }}{{ ns.a is none }}",
    "{% set x = none %}{{ x }}{{ x is none }}{% set y = x %}{{ y is defined }}",
    "{{ {'a': none}.a is none }}{{ {'a': none}.get('a', 5) }}{{ [none][0] is none }}{{ [none] | first is none }}",
    "{{ '' | first is undefined }}{{ '' | default('d', true) }}",
    "{{ range(200000) | length }}",
    "{{ 'a,b'.split(',')[1] }}{{ 'k: v'.split(': ', 1)[1] }}{{ ('a' ~ 'b').upper() }}",
    "{{ '%s' % ('a',) }}{{ '%d%%' % 50 }}",
    "{{ '%s %s' % 'a' }}",
    "{{ '%d' % 'a' }}",
    "{{ 5.0 }}{{ 5.0 | int }}{{ 10 / 2 }}{{ 1e5 }}{{ 12345678901234567890.0 }}",
]


def render(env, template):
    try:
        return {"text": env.from_string(template).render(**DATA)}
    except Exception as error:  # noqa: BLE001: any failure is the expected result
        return {"error": f"{type(error).__name__}: {error}"[:200]}


def main():
    env = environment()
    cases = [{"template": "{{ " + e + " }}"} for e in EXPRESSIONS] + [{"template": t} for t in TEMPLATES]
    for case in cases:
        case.update(render(env, case["template"]))
    fixture = {
        "source": f"tools/conformance/export_jinja_fixture.py, jinja2 {jinja2.__version__}, Python {sys.version.split()[0]}",
        "now": NOW.isoformat(),
        "data": DATA,
        "cases": cases,
    }
    print("{")
    for key in ("source", "now", "data"):
        print(f"  {json.dumps(key)}: {json.dumps(fixture[key])},")
    print('  "cases": [')
    print(",\n".join("    " + json.dumps(case) for case in cases))
    print("  ]\n}")


main()
