import { PythonSyntaxError } from './tokenizer.js';

/** One `{…}` of an f-string, as written. */
export interface FormattedField {
  readonly expression: string;
  /** `{expression=}`: the text of the expression is printed too, with `gap` after the equals sign. */
  readonly isShown: boolean;
  readonly gap: string;
  readonly conversion: '' | 's' | 'r' | 'a';
  readonly specification: string | undefined;
}

/**
 * Cuts the text between the quotes of an f-string into literal texts (escapes still in them) and fields.
 *
 * @param isSpecification - inside a format specification doubled braces do not stand for one.
 * @throws {PythonSyntaxError} as CPython 3.11 words it.
 */
export function splitFormatted(body: string, isSpecification = false): (string | FormattedField)[] {
  const pieces: (string | FormattedField)[] = [];
  let text = '';
  for (let index = 0; index < body.length; index++) {
    const character = body[index] as string;
    if (character === '\\' && body.startsWith('\\N{', index)) {
      const end = body.indexOf('}', index);
      text += body.slice(index, end < 0 ? body.length : end + 1);
      index = end < 0 ? body.length : end;
    } else if (character !== '{' && character !== '}') {
      text += character;
    } else if (!isSpecification && body[index + 1] === character) {
      text += character;
      index++;
    } else if (character === '}') {
      throw new PythonSyntaxError("f-string: single '}' is not allowed");
    } else {
      if (text !== '') pieces.push(text);
      text = '';
      const field = readField(body, index + 1);
      pieces.push(field.field);
      index = field.end;
    }
  }
  if (text !== '') pieces.push(text);
  return pieces;
}

const OPENERS = '([{';
const CLOSERS = ')]}';

/** The field whose brace stands before `start`; `end` is the index of the brace that closes it. */
function readField(body: string, start: number): { field: FormattedField; end: number } {
  const expressionEnd = endOfExpression(body, start);
  let expression = body.slice(start, expressionEnd);
  let index = expressionEnd;
  let isShown = false;
  let gap = '';
  if (body[index] === '=') {
    isShown = true;
    gap = /^[ \t\n\r\f]*/.exec(body.slice(index + 1))?.[0] ?? '';
    index += 1 + gap.length;
  }
  if (expression.trim() === '') throw new PythonSyntaxError('f-string: empty expression not allowed');
  let conversion = '';
  if (body[index] === '!') {
    conversion = body[index + 1] ?? '';
    if (!['s', 'r', 'a'].includes(conversion)) {
      throw new PythonSyntaxError("f-string: invalid conversion character: expected 's', 'r', or 'a'");
    }
    index += 2;
  }
  let specification: string | undefined;
  if (body[index] === ':') {
    const end = endOfSpecification(body, index + 1);
    specification = body.slice(index + 1, end);
    index = end;
  }
  if (body[index] !== '}') throw new PythonSyntaxError("f-string: expecting '}'");
  expression = isShown ? expression : expression.trimEnd();
  return {
    field: { expression, isShown, gap, conversion: conversion as FormattedField['conversion'], specification },
    end: index,
  };
}

/** Index of the `}`, `!`, `:` or `=` that ends the expression. */
function endOfExpression(body: string, start: number): number {
  const open: string[] = [];
  let quote = '';
  for (let index = start; index < body.length; index++) {
    const character = body[index] as string;
    if (character === '\\') {
      throw new PythonSyntaxError('f-string expression part cannot include a backslash');
    }
    if (quote !== '') {
      if (body.startsWith(quote, index)) {
        index += quote.length - 1;
        quote = '';
      }
    } else if (character === "'" || character === '"') {
      quote = body.startsWith(character.repeat(3), index) ? character.repeat(3) : character;
      index += quote.length - 1;
    } else if (character === '#') {
      throw new PythonSyntaxError("f-string expression part cannot include '#'");
    } else if (OPENERS.includes(character)) {
      open.push(character);
    } else if (CLOSERS.includes(character)) {
      if (open.length === 0) {
        if (character === '}') return index;
        throw new PythonSyntaxError(`f-string: unmatched '${character}'`);
      }
      const opener = open.pop() as string;
      if (OPENERS.indexOf(opener) !== CLOSERS.indexOf(character)) {
        throw new PythonSyntaxError(
          `f-string: closing parenthesis '${character}' does not match opening parenthesis '${opener}'`,
        );
      }
    } else if (open.length === 0) {
      const pair = body.slice(index, index + 2);
      if (['!=', '==', '<=', '>='].includes(pair)) index++;
      else if (character === '!' || character === ':' || character === '=') return index;
    }
  }
  if (quote !== '') throw new PythonSyntaxError('f-string: unterminated string');
  if (open.length > 0) throw new PythonSyntaxError(`f-string: unmatched '${open.at(-1)}'`);
  throw new PythonSyntaxError("f-string: expecting '}'");
}

function endOfSpecification(body: string, start: number): number {
  let depth = 0;
  for (let index = start; index < body.length; index++) {
    if (body[index] === '{') depth++;
    else if (body[index] === '}' && depth-- === 0) return index;
  }
  return body.length;
}
