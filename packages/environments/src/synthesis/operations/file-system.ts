import type { Entity } from '../entities.js';
import { fill } from '../phrasing.js';
import { addFile, addFolder, type FileNode, type FileSystemModel, type FolderNode } from '../scenario.js';
import type { ArgumentProvenance } from '../trace.js';
import type { CallOptions, Clause, PlannedArgument, TurnDraft } from '../turn-draft.js';
import { newFileName, newFolderName } from '../vocabulary.js';
import { chooseText, familiarity } from './content.js';
import { fileSystemPhrasings as phrasings } from './file-system-phrasings.js';
import type { Operation } from './operation.js';

type Variant = keyof typeof phrasings;

const unchanged: CallOptions = { changes: false };
const changing: CallOptions = { changes: true };

interface FileSystemOperation {
  readonly name: string;
  readonly methods: readonly string[];
  readonly uses?: Operation['uses'];
  weight(draft: TurnDraft, model: FileSystemModel): number;
  run(draft: TurnDraft, model: FileSystemModel): Clause | undefined;
}

const operations: readonly FileSystemOperation[] = [
  {
    name: 'pwd',
    methods: ['pwd'],
    weight: (_draft, model) => (model.current === model.root ? 0.15 : 0.5),
    run(draft) {
      const path = fieldOf(call(draft, 'pwd', [], unchanged), 'current_working_directory');
      const entity = learnText(draft, path, 'path');
      return { text: word(draft, 'pwd'), focus: entity, message: `You are in ${path}.` };
    },
  },
  {
    name: 'ls',
    methods: ['ls'],
    weight: () => 1,
    run(draft, model) {
      const place = choosePlace(draft, model, ['in this folder', 'in the current folder', 'here']);
      const isAll = draft.random.chance(0.3);
      const text = word(draft, isAll ? 'lsAll' : 'ls', { place: place.suffix });
      const args = isAll ? [{ name: 'a', value: true, provenance: draft.stated('hidden') }] : [];
      const result = call(draft, 'ls', args, unchanged);
      const names = listOf(result, 'current_directory_content');
      const message = names.length === 0 ? 'The folder is empty.' : `It holds ${names.join(', ')}.`;
      return { text, focus: undefined, message };
    },
  },
  {
    name: 'cd',
    methods: ['cd'],
    uses: ['folder'],
    weight: (_draft, model) => (subfolders(model.current).length === 0 ? 0 : 2),
    run(draft, model) {
      const folder = pickFolder(draft, model.current);
      if (folder === undefined) return undefined;
      const { phrase } = enter(draft, model, folder);
      return { text: word(draft, 'cd', { folder: phrase }), focus: folder.entity, message: nowIn(model) };
    },
  },
  {
    name: 'cd-parent',
    methods: ['cd'],
    weight: (_draft, model) => (model.current.parent === undefined ? 0 : 1),
    run(draft, model) {
      const parent = model.current.parent!;
      const isNamed = parent.parent !== undefined && draft.isKnown(parent.entity) && draft.random.chance(0.5);
      if (!isNamed) {
        const text = word(draft, 'cdParent');
        leave(draft, model, draft.stated(text));
        return { text, focus: undefined, message: nowIn(model) };
      }
      const folder = `'${parent.entity.literal}'`;
      leave(draft, model, inState(folder, parent));
      return { text: word(draft, 'cdBack', { folder }), focus: parent.entity, message: nowIn(model) };
    },
  },
  {
    name: 'mkdir',
    methods: ['mkdir'],
    weight: (_draft, model) => (subfolders(model.current).length > 2 ? 0.2 : 1.2),
    run(draft, model) {
      const place = choosePlace(draft, model, ['', '', 'in this folder', 'here']);
      const name = newFolderName(draft.random, model.names);
      call(draft, 'mkdir', [stated(draft, 'dir_name', name)], changing);
      const { entity } = addFolder(model, draft.scenario.registry, model.current, name);
      draft.introduce(entity);
      draft.mark(entity, 'created');
      return {
        text: word(draft, 'mkdir', { name: `'${name}'`, place: place.suffix }),
        focus: entity,
        message: 'Done.',
      };
    },
  },
  {
    name: 'touch',
    methods: ['touch'],
    weight: (_draft, model) => (filesIn(model.current).length > 4 ? 0.3 : 2),
    run(draft, model) {
      const place = choosePlace(draft, model, ['', '', 'in this folder', 'here']);
      const name = newFileName(draft.random, model.names);
      call(draft, 'touch', [stated(draft, 'file_name', name)], changing);
      const { entity } = addFile(model, draft.scenario.registry, model.current, name);
      draft.introduce(entity);
      draft.mark(entity, 'created');
      return {
        text: word(draft, 'touch', { name: `'${name}'`, place: place.suffix }),
        focus: entity,
        message: 'Done.',
      };
    },
  },
  {
    name: 'echo',
    methods: ['echo'],
    uses: ['file', 'value', 'text'],
    weight: (_draft, model) => (filesIn(model.current).length === 0 ? 0 : 2.5),
    run(draft, model) {
      const file = pickFile(draft, model.current, (node) => node.content === '' || draft.isKnown(node.entity), 'empty');
      if (file === undefined) return undefined;
      const content = chooseText(draft, (text) => text !== file.content);
      const target = draft.refer(file.entity);
      call(
        draft,
        'echo',
        [
          { name: 'content', value: content.literal, provenance: content.provenance },
          { name: 'file_name', value: file.entity.literal, provenance: target.provenance },
        ],
        changing,
      );
      file.content = content.literal;
      file.isOurs = true;
      draft.mark(file.entity, 'written');
      return {
        text: word(draft, 'echo', { content: content.phrase, file: target.phrase }),
        focus: file.entity,
        message: 'Done.',
      };
    },
  },
  {
    name: 'cat',
    methods: ['cat'],
    uses: ['file'],
    weight: hasContent(1.5),
    run(draft, model) {
      return read(draft, model, 'cat', 'read', [], (file) => {
        const isShort = !file.content.includes('\n') && file.content.split(' ').length <= 4;
        return isShort ? { text: file.content, role: 'content' } : undefined;
      });
    },
  },
  {
    name: 'wc',
    methods: ['wc'],
    uses: ['file'],
    weight: hasContent(1.2),
    run(draft, model) {
      const file = pickFile(draft, model.current, hasText);
      if (file === undefined) return undefined;
      const unit = draft.random.pick(['line', 'word', 'character']);
      const target = draft.refer(file.entity);
      const text = word(draft, 'wc', { file: target.phrase, units: `${unit}s`, unit });
      const args = [
        { name: 'file_name', value: file.entity.literal, provenance: target.provenance },
        { name: 'mode', value: unit.charAt(0), provenance: draft.stated(unit) },
      ];
      const answers = (result: unknown): string[] => [fieldOf(result, 'count')];
      const count = fieldOf(call(draft, 'wc', args, { changes: false, answers }), 'count');
      draft.mark(file.entity, 'counted');
      const entity = draft.scenario.registry.add('value', count);
      draft.learn(entity, 'count');
      return { text, focus: entity, message: `It has ${count} ${unit}${count === '1' ? '' : 's'}.` };
    },
  },
  {
    name: 'sort',
    methods: ['sort'],
    uses: ['file'],
    weight: hasContent(0.8),
    run: (draft, model) => read(draft, model, 'sort', 'sorted', [], () => undefined, isMultiLine),
  },
  {
    name: 'grep',
    methods: ['grep'],
    uses: ['file'],
    weight: hasContent(1.2),
    run(draft, model) {
      const file = pickFile(draft, model.current, hasText);
      if (file === undefined) return undefined;
      const pattern = draft.random.pick(file.content.split(/\s+/));
      const matches = file.content.split('\n').filter((line) => line.includes(pattern));
      const target = draft.refer(file.entity);
      const text = word(draft, 'grep', { file: target.phrase, pattern: `'${pattern}'` });
      const args = [
        { name: 'file_name', value: file.entity.literal, provenance: target.provenance },
        stated(draft, 'pattern', pattern),
      ];
      const answers = file.isOurs ? [] : matches.filter((line) => line !== pattern);
      call(draft, 'grep', args, { changes: false, answers: () => answers });
      draft.mark(file.entity, 'searched');
      const line = matches.length === 1 && matches[0] !== pattern ? learnText(draft, matches[0]!, 'line') : undefined;
      const message = matches.length === 1 ? 'One line matches.' : `${matches.length} lines match.`;
      return { text, focus: line ?? file.entity, message };
    },
  },
  {
    name: 'tail',
    methods: ['tail'],
    uses: ['file'],
    weight: hasContent(1),
    run(draft, model) {
      const count = draft.random.integer(1, 2);
      const last = count === 1 ? 'last line' : `last ${count} lines`;
      const provenance = draft.stated(last);
      const lines = { name: 'lines', value: { number: `${count}` }, provenance };
      const fits = (node: FileNode): boolean => hasText(node) && node.content.split('\n').length >= count;
      return read(
        draft,
        model,
        'tail',
        'read',
        [lines],
        (file) => (count === 1 ? { text: file.content.split('\n').at(-1)!, role: 'line' } : undefined),
        fits,
        { last },
      );
    },
  },
  {
    name: 'diff',
    methods: ['diff'],
    uses: ['file'],
    weight: (_draft, model) => (filesIn(model.current).filter(hasText).length < 2 ? 0 : 0.8),
    run(draft, model) {
      const file = pickFile(draft, model.current, hasText);
      const other = pickFile(draft, model.current, (node) => hasText(node) && node !== file);
      if (file === undefined || other === undefined) return undefined;
      const first = draft.refer(file.entity);
      const second = draft.refer(other.entity);
      const args = [
        { name: 'file_name1', value: file.entity.literal, provenance: first.provenance },
        { name: 'file_name2', value: other.entity.literal, provenance: second.provenance },
      ];
      call(draft, 'diff', args, unchanged);
      const text = word(draft, 'diff', { file: first.phrase, other: second.phrase });
      return { text, focus: undefined, message: 'Here are the differences.' };
    },
  },
  {
    name: 'du',
    methods: ['du'],
    weight: () => 0.6,
    run(draft) {
      const isReadable = draft.random.chance(0.4);
      const text = word(draft, isReadable ? 'duReadable' : 'du');
      const args = isReadable ? [{ name: 'human_readable', value: true, provenance: draft.stated('readable') }] : [];
      const answers = (result: unknown): string[] => [fieldOf(result, 'disk_usage')];
      const size = fieldOf(call(draft, 'du', args, { changes: false, answers }), 'disk_usage');
      return { text, focus: learnText(draft, size, 'size'), message: `It uses ${size}.` };
    },
  },
  {
    name: 'find',
    methods: ['find'],
    weight: () => 0.9,
    run(draft, model) {
      const nodes = filesBelow(model.current).filter((node) => !node.entity.literal.startsWith('.'));
      const target = draft.random.pickWeighted(nodes, (node) => (draft.isKnown(node.entity) ? 0.3 : 1));
      if (target === undefined) return undefined;
      const [stem] = target.entity.literal.split('.') as [string];
      if (namesBelow(model.current).filter((name) => name.includes(stem)).length !== 1) return undefined;
      const text = word(draft, 'find', { pattern: `'${stem}'` });
      const args = [{ name: 'path', value: '.', provenance: draft.stated(text) }, stated(draft, 'name', stem)];
      const isNew = target.entity.known === undefined;
      const matches = listOf(
        call(draft, 'find', args, { changes: false, answers: () => (isNew ? [target.entity.literal] : []) }),
        'matches',
      );
      draft.learnIfNew(target.entity, 'found');
      if (target.parent !== model.current && target.parent.entity.known === undefined) {
        draft.learn(target.parent.entity, 'holder');
      }
      return { text, focus: target.entity, message: `Found ${matches.join(', ')}.` };
    },
  },
  {
    name: 'rename',
    methods: ['mv'],
    uses: ['file'],
    weight: (_draft, model) => (filesIn(model.current).length === 0 ? 0 : 1),
    run(draft, model) {
      const leaves = subfolders(model.current).filter((folder) => subfolders(folder).length === 0);
      const folder = draft.random.chance(0.2) ? pick(draft, leaves) : undefined;
      const node = folder ?? pickFile(draft, model.current);
      if (node === undefined) return undefined;
      const name =
        node.kind === 'file' ? newFileName(draft.random, model.names) : newFolderName(draft.random, model.names);
      const source = draft.refer(node.entity);
      const args = [
        { name: 'source', value: node.entity.literal, provenance: source.provenance },
        stated(draft, 'destination', name),
      ];
      call(draft, 'mv', args, changing);
      const text = word(draft, 'rename', { file: source.phrase, name: `'${name}'` });
      model.current.entries.delete(node.entity.literal);
      model.current.entries.set(name, node);
      model.names.add(name);
      draft.rename(node.entity, name);
      draft.mark(node.entity, 'renamed');
      return { text, focus: node.entity, message: 'Done.' };
    },
  },
  {
    name: 'move',
    methods: ['mv'],
    uses: ['file', 'folder'],
    weight: hasFileAndFolder(1),
    run: (draft, model) => transfer(draft, model, 'mv'),
  },
  {
    name: 'copy',
    methods: ['cp'],
    uses: ['file'],
    weight: (_draft, model) => (filesIn(model.current).length === 0 ? 0 : 0.8),
    run(draft, model) {
      const file = pickFile(draft, model.current);
      if (file === undefined) return undefined;
      const name = newFileName(draft.random, model.names);
      const source = draft.refer(file.entity);
      const args = [
        { name: 'source', value: file.entity.literal, provenance: source.provenance },
        stated(draft, 'destination', name),
      ];
      call(draft, 'cp', args, changing);
      const copy = addFile(model, draft.scenario.registry, model.current, name);
      copy.content = file.content;
      copy.isOurs = file.isOurs;
      draft.introduce(copy.entity);
      draft.mark(copy.entity, 'copied');
      const text = word(draft, 'copy', { file: source.phrase, name: `'${name}'` });
      return { text, focus: copy.entity, message: 'Done.' };
    },
  },
  {
    name: 'copy-into',
    methods: ['cp'],
    uses: ['file', 'folder'],
    weight: hasFileAndFolder(0.6),
    run: (draft, model) => transfer(draft, model, 'cp'),
  },
  {
    name: 'rm',
    methods: ['rm'],
    uses: ['file'],
    weight: (_draft, model) => (filesIn(model.current).length < 2 ? 0 : 0.5),
    run(draft, model) {
      const file = pickFile(draft, model.current);
      if (file === undefined) return undefined;
      const target = draft.refer(file.entity);
      const args = [{ name: 'file_name', value: file.entity.literal, provenance: target.provenance }];
      call(draft, 'rm', args, changing);
      model.current.entries.delete(file.entity.literal);
      return { text: word(draft, 'rm', { file: target.phrase }), focus: undefined, message: 'Done.' };
    },
  },
  {
    name: 'rmdir',
    methods: ['rmdir'],
    weight: (_draft, model) => (subfolders(model.current).some((folder) => folder.entries.size === 0) ? 0.6 : 0),
    run(draft, model) {
      const folder = pick(
        draft,
        subfolders(model.current).filter((candidate) => candidate.entries.size === 0),
      );
      if (folder === undefined) return undefined;
      const { literal } = folder.entity;
      call(draft, 'rmdir', [stated(draft, 'dir_name', literal)], changing);
      model.current.entries.delete(literal);
      return { text: word(draft, 'rmdir', { name: `'${literal}'` }), focus: undefined, message: 'Done.' };
    },
  },
];

/** Operations on GorillaFileSystem: all 18 methods. */
export const fileSystemOperations: readonly Operation[] = operations.map(
  ({ name, methods, uses = [], weight, run }) => ({
    name,
    className: 'GorillaFileSystem',
    methods,
    uses,
    weight: (draft) => (draft.scenario.files === undefined ? 0 : weight(draft, draft.scenario.files)),
    run: (draft) => (draft.scenario.files === undefined ? undefined : run(draft, draft.scenario.files)),
  }),
);

interface Place {
  /** Words to append, with a leading space; "" where the message leaves it open. */
  readonly suffix: string;
}

/**
 * Where something happens: here, or in a folder that takes a `cd` first. "in 'docs'" needs no call when the conversation is
 * already there, so the policy has to know where it is.
 *
 * @param open - wordings for the current folder.
 */
function choosePlace(draft: TurnDraft, model: FileSystemModel, open: readonly string[]): Place {
  const { random } = draft;
  const here = model.current;
  const canMove = draft.remainingCalls >= 2;
  const isNamed = here.parent !== undefined && here.entity.known !== undefined && here.entity !== draft.focus;
  const choice = random.pickWeighted(['open', 'here', 'below', 'above'] as const, (option) => {
    if (option === 'open') return 3;
    if (option === 'here') return isNamed ? 1.5 : 0;
    if (option === 'below') return canMove && subfolders(here).length > 0 ? 1.2 : 0;
    return canMove && here.parent !== undefined ? 0.6 : 0;
  });
  if (choice === 'below') {
    const folder = pickFolder(draft, here);
    if (folder !== undefined) return { suffix: ` in ${enter(draft, model, folder).phrase}` };
  }
  if (choice === 'above') {
    const suffix = ' in the parent folder';
    leave(draft, model, draft.stated('parent folder'));
    return { suffix };
  }
  if (choice === 'here') return { suffix: ` in ${draft.refer(here.entity).phrase}` };
  const suffix = random.pick(open);
  return { suffix: suffix === '' ? '' : ` ${suffix}` };
}

function enter(draft: TurnDraft, model: FileSystemModel, folder: FolderNode): { readonly phrase: string } {
  const spoken = draft.refer(folder.entity);
  const args = [{ name: 'folder', value: folder.entity.literal, provenance: spoken.provenance }];
  call(draft, 'cd', args, changing);
  model.current = folder;
  draft.noteDirectory();
  return spoken;
}

function leave(draft: TurnDraft, model: FileSystemModel, provenance: ArgumentProvenance): void {
  call(draft, 'cd', [{ name: 'folder', value: '..', provenance }], changing);
  model.current = model.current.parent!;
  draft.noteDirectory();
}

/** `..` for a folder named by the message, which only the path walked so far shows to be the parent. */
function inState(phrase: string, parent: FolderNode): ArgumentProvenance {
  return { kind: 'reference', phrase, entity: 'folder', literal: '..', turn: parent.entity.known!.turn };
}

function nowIn(model: FileSystemModel): string {
  return `Now in ${model.current.entity.literal}.`;
}

/** A query about one file whose result may be a short text worth talking about later. */
function read(
  draft: TurnDraft,
  model: FileSystemModel,
  method: 'cat' | 'sort' | 'tail',
  role: string,
  extra: readonly PlannedArgument[],
  textOf: (file: FileNode) => { readonly text: string; readonly role: string } | undefined,
  fits: (node: FileNode) => boolean = hasText,
  slots: Readonly<Record<string, string>> = {},
): Clause | undefined {
  const file = pickFile(draft, model.current, fits);
  if (file === undefined) return undefined;
  const target = draft.refer(file.entity);
  const args = [{ name: 'file_name', value: file.entity.literal, provenance: target.provenance }, ...extra];
  const answers = file.isOurs ? [] : file.content.split('\n').filter((line) => line.includes(' '));
  call(draft, method, args, { changes: false, answers: () => answers });
  draft.mark(file.entity, role);
  const shown = textOf(file);
  const entity = shown === undefined ? undefined : learnText(draft, shown.text, shown.role);
  const text = word(draft, method, { file: target.phrase, ...slots });
  return { text, focus: entity ?? file.entity, message: 'Here it is.' };
}

function transfer(draft: TurnDraft, model: FileSystemModel, method: 'mv' | 'cp'): Clause | undefined {
  const file = pickFile(draft, model.current);
  const folder = pickFolder(draft, model.current);
  if (file === undefined || folder === undefined || folder.entries.has(file.entity.literal)) return undefined;
  const source = draft.refer(file.entity);
  const target = draft.refer(folder.entity);
  const args = [
    { name: 'source', value: file.entity.literal, provenance: source.provenance },
    { name: 'destination', value: folder.entity.literal, provenance: target.provenance },
  ];
  call(draft, method, args, changing);
  if (method === 'mv') {
    model.current.entries.delete(file.entity.literal);
    folder.entries.set(file.entity.literal, file);
    file.parent = folder;
    draft.mark(file.entity, 'moved');
  } else {
    const copy = addFile(model, draft.scenario.registry, folder, file.entity.literal);
    copy.content = file.content;
    copy.isOurs = file.isOurs;
  }
  const text = word(draft, method === 'mv' ? 'move' : 'copyInto', { file: source.phrase, folder: target.phrase });
  return { text, focus: folder.entity, message: 'Done.' };
}

function pickFile(
  draft: TurnDraft,
  folder: FolderNode,
  fits: (node: FileNode) => boolean = () => true,
  prefer?: 'empty',
): FileNode | undefined {
  const files = filesIn(folder).filter((node) => !node.entity.literal.startsWith('.') && fits(node));
  return draft.random.pickWeighted(files, (node) => {
    const bonus = prefer === 'empty' && node.content === '' ? 3 : 1;
    return bonus * familiarity(draft, node.entity);
  });
}

function pickFolder(draft: TurnDraft, folder: FolderNode): FolderNode | undefined {
  return pick(draft, subfolders(folder));
}

function pick<T extends { readonly entity: Entity }>(draft: TurnDraft, nodes: readonly T[]): T | undefined {
  return draft.random.pickWeighted(nodes, (node) => familiarity(draft, node.entity));
}

function filesIn(folder: FolderNode): FileNode[] {
  return [...folder.entries.values()].filter((node) => node.kind === 'file');
}

function subfolders(folder: FolderNode): FolderNode[] {
  return [...folder.entries.values()].filter((node) => node.kind === 'folder');
}

function filesBelow(folder: FolderNode): FileNode[] {
  return [...filesIn(folder), ...subfolders(folder).flatMap(filesBelow)];
}

function namesBelow(folder: FolderNode): string[] {
  return [...folder.entries.keys(), ...subfolders(folder).flatMap(namesBelow)];
}

function hasText(node: FileNode): boolean {
  return node.content !== '';
}

function isMultiLine(node: FileNode): boolean {
  return node.content.includes('\n');
}

function hasContent(weight: number): FileSystemOperation['weight'] {
  return (_draft, model) => (filesIn(model.current).some(hasText) ? weight : 0);
}

function hasFileAndFolder(weight: number): FileSystemOperation['weight'] {
  return (_draft, model) => (filesIn(model.current).length > 0 && subfolders(model.current).length > 0 ? weight : 0);
}

function learnText(draft: TurnDraft, text: string, role: string): Entity {
  const entity = draft.scenario.registry.add('text', text);
  draft.learn(entity, role);
  return entity;
}

function stated(draft: TurnDraft, name: string, value: string): PlannedArgument {
  return { name, value, provenance: draft.stated(`'${value}'`) };
}

function word(draft: TurnDraft, variant: Variant, slots: Readonly<Record<string, string>> = {}): string {
  return fill(draft.random.pick(phrasings[variant]), slots);
}

function call(draft: TurnDraft, method: string, args: readonly PlannedArgument[], options: CallOptions): unknown {
  return draft.call('GorillaFileSystem', method, args, options);
}

function fieldOf(result: unknown, field: string): string {
  return String((result as Readonly<Record<string, unknown>>)[field]);
}

function listOf(result: unknown, field: string): string[] {
  return ((result as Readonly<Record<string, unknown>>)[field] as unknown[]).map(String);
}
