// Compares three faces of every native function and fails where they differ:
//   1. native/addon/*.cc   exports.Set("name", ...) and InstanceMethod("name", ...): what the binary registers;
//   2. native/addon/*.cc   the comment above each body, `// name(a, b: Type, c): result`: what it says it takes, and the
//                          highest argument that the body reads;
//   3. src/*.ts            addon['name']!(...), callNative('name', ...) and the members of `interface XHandle`: what is used.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const here = path.dirname(fileURLToPath(import.meta.url));
const addonFolder = path.join(here, '..', '..', 'native', 'addon');

/** Helpers of native/addon that read more arguments than the last place they are given: how many more. */
const readsBeyond = { tokenBatch: 1, tokenRows: 1, groupOptions: 1, packed: 3, streamOf: 3, readPass: 5 };

/** Each problem is one line of output. */
const problems = [];

/** Registered functions and methods: "name" or "Class.name" to { file, documented, read }, counts of arguments. */
function registeredFunctions() {
  const found = new Map();
  for (const file of readdirSync(addonFolder).filter((name) => name.endsWith('.cc'))) {
    const source = readFileSync(path.join(addonFolder, file), 'utf8');
    for (const [, name] of source.matchAll(/exports\.Set\("(\w+)",\s*Napi::Function::New\(/g)) {
      add(found, name, name, file, source);
    }
    // A class's methods stand between its name and the next class's.
    for (const definition of source.split(/(?=DefineClass\()/).slice(1)) {
      const className = /^DefineClass\(\s*\w+,\s*"(\w+)"/.exec(definition)?.[1];
      if (className === undefined) continue;
      add(found, className, `new ${className}`, file, source);
      for (const [, method] of definition.matchAll(/InstanceMethod\("(\w+)"/g)) {
        add(found, `${className}.${method}`, method, file, source);
      }
    }
  }
  return found;
}

function add(found, key, name, file, source) {
  if (found.has(key)) problems.push(`${file}: ${key} is registered twice, also in ${found.get(key).file}`);
  const comment = new RegExp(`^ *// ${name}\\(([^\\n]*(?:\\n *//[^\\n]*)*)`, 'm').exec(source);
  if (comment === null) problems.push(`${file}: ${key} has no comment "// ${name}(...)" with its signature`);
  const documented = comment === null ? undefined : parameterCount(comment[1].replaceAll(/\n *\/\//g, ' '), key);
  found.set(key, { file, documented, read: argumentsRead(name, source) });
}

/** Parameters of "a, b: Type, c: { x, y }): ...", the text after the opening parenthesis. */
function parameterCount(text, key) {
  let depth = 0;
  let parameters = 0;
  let empty = true;
  for (const character of text) {
    if (character === ')' && depth === 0) return empty ? 0 : parameters + 1;
    if ('([{<'.includes(character)) depth++;
    if (')]}>'.includes(character)) depth--;
    if (character === ',' && depth === 0) parameters++;
    if (/\S/.test(character)) empty = false;
  }
  throw new Error(`expected a closing parenthesis in the signature of ${key}, received "${text}"`);
}

/** One more than the highest index in `info[3]` or `reader(info, 3, ...)` of the function's body. */
function argumentsRead(name, source) {
  const head = name.startsWith('new ')
    ? /^ *explicit \w+\(const Napi::CallbackInfo& info\)/m
    : new RegExp(`^ *Napi::Value ${name}\\(const Napi::CallbackInfo& info\\)`, 'm');
  const start = head.exec(source);
  if (start === null) return undefined;
  // A body ends at the closing brace that stands under its head.
  const indent = /^ */.exec(start[0])[0];
  const body = source.slice(start.index, source.indexOf(`\n${indent}}\n`, start.index));
  const indices = [...body.matchAll(/\binfo\[(\d+)\]|(\w+)\(info((?:,\s*\d+)+)/g)].map(
    ([, direct, reader, places]) => Number(direct ?? places.split(',').at(-1)) + (readsBeyond[reader] ?? 0),
  );
  return Math.max(-1, ...indices) + 1;
}

/** Uses in the package's sources: key as above to a list of { where, count }, count undefined with a spread. */
function usedFunctions() {
  const uses = new Map();
  const note = (key, node, count) => {
    const { line } = node.getSourceFile().getLineAndCharacterOfPosition(node.getStart());
    const where = `${path.basename(node.getSourceFile().fileName)}:${line + 1}`;
    uses.set(key, [...(uses.get(key) ?? []), { where, count }]);
  };
  const files = readdirSync(path.join(here, 'src')).filter((name) => /^[\w-]+\.ts$/.test(name));
  for (const file of files) {
    const text = readFileSync(path.join(here, 'src', file), 'utf8');
    visit(ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true), note);
  }
  return uses;
}

function visit(node, note) {
  if (ts.isCallExpression(node)) {
    const callee = ts.isNonNullExpression(node.expression) ? node.expression.expression : node.expression;
    if (ts.isIdentifier(callee) && callee.text === 'callNative' && ts.isStringLiteral(node.arguments[0])) {
      note(node.arguments[0].text, node, argumentCount(node.arguments.slice(1)));
    } else if (isAddonElement(callee)) {
      note(callee.argumentExpression.text, node, argumentCount(node.arguments));
    }
  } else if (isAddonElement(node) && ts.isAsExpression(node.parent)) {
    note(node.argumentExpression.text, node, undefined);
  } else if (ts.isInterfaceDeclaration(node) && node.name.text.endsWith('Handle')) {
    const className = node.name.text.slice(0, -'Handle'.length);
    for (const member of node.members.filter(ts.isMethodSignature)) {
      note(`${className}.${member.name.getText()}`, member, member.parameters.length);
    }
  }
  ts.forEachChild(node, (child) => visit(child, note));
}

function isAddonElement(node) {
  const names = ['addon', 'loaded'];
  return (
    ts.isElementAccessExpression(node) &&
    ts.isIdentifier(node.expression) &&
    names.includes(node.expression.text) &&
    ts.isStringLiteral(node.argumentExpression)
  );
}

function argumentCount(nodes) {
  return nodes.some(ts.isSpreadElement) ? undefined : nodes.length;
}

const registered = registeredFunctions();
const used = usedFunctions();
for (const [key, { file, documented, read }] of registered) {
  if (!used.has(key)) problems.push(`${file}: ${key} is registered, but nothing in packages/native uses it`);
  if (read === undefined)
    problems.push(`${file}: no body "Napi::Value ${key}(const Napi::CallbackInfo& info)" was found`);
  else if (documented !== undefined && read !== documented) {
    problems.push(`${file}: the comment of ${key} lists ${documented} arguments, its body reads ${read}`);
  }
}
for (const [key, places] of used) {
  const entry = registered.get(key);
  for (const { where, count } of places) {
    if (entry === undefined) problems.push(`${where}: ${key} is used, but native/addon does not register it`);
    else if (count !== undefined && entry.documented !== undefined && count !== entry.documented) {
      problems.push(`${where}: ${key} gets ${count} arguments, its signature lists ${entry.documented}`);
    }
  }
}
if (registered.size === 0) problems.push(`no function is registered in ${addonFolder}`);
for (const problem of problems) console.error(problem);
console.log(`native signatures: ${registered.size} registered, ${used.size} used, ${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);
