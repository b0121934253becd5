import type { FileNode, FileSystemModel, FolderNode } from '../scenario.js';
import type { Clause, PlannedArgument, TurnDraft } from '../turn-draft.js';
import { isShortText } from './content.js';
import { fileSystemPhrasings as phrasings } from './file-system-phrasings.js';
import {
  call,
  type FileSystemOperation,
  filesIn,
  hasContent,
  hasText,
  learnText,
  pickFile,
  subfolders,
} from './file-system-steps.js';
import { fieldOf, listOf, spokenArgument, statedText, unchanged, word } from './wording.js';

/** Operations that find something out about files. */
export const queryOperations: readonly FileSystemOperation[] = [
  {
    name: 'cat',
    methods: ['cat'],
    uses: ['file'],
    weight: hasContent(1.5),
    run(draft, model) {
      return read(draft, model, { method: 'cat', role: 'read', textRole: 'content' });
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
      const text = word(draft, phrasings.wc, { file: target.phrase, units: `${unit}s`, unit });
      const args = [
        spokenArgument('file_name', target),
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
    run: (draft, model) => read(draft, model, { method: 'sort', role: 'sorted', fits: isMultiLine }),
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
      const text = word(draft, phrasings.grep, { file: target.phrase, pattern: `'${pattern}'` });
      const args = [spokenArgument('file_name', target), statedText(draft, 'pattern', pattern)];
      const answers = file.isOurs ? [] : matches.filter((line) => line !== pattern);
      call(draft, 'grep', args, { changes: false, answers: () => answers });
      draft.mark(file.entity, 'searched');
      const line = matches.length === 1 ? learnText(draft, matches[0]!, 'line') : undefined;
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
      return read(draft, model, {
        method: 'tail',
        role: 'read',
        fits,
        extra: [lines],
        slots: { last },
        shown: (content) => content.split('\n').slice(-count).join('\n'),
        ...(count === 1 ? { textRole: 'line' } : {}),
      });
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
      const args = [spokenArgument('file_name1', first), spokenArgument('file_name2', second)];
      call(draft, 'diff', args, unchanged);
      const text = word(draft, phrasings.diff, { file: first.phrase, other: second.phrase });
      return { text, focus: undefined, message: 'Here are the differences.' };
    },
  },
  {
    name: 'du',
    methods: ['du'],
    weight: () => 0.6,
    run(draft) {
      const isReadable = draft.random.chance(0.4);
      const text = word(draft, isReadable ? phrasings.duReadable : phrasings.du);
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
      const text = word(draft, phrasings.find, { pattern: `'${stem}'` });
      const args = [{ name: 'path', value: '.', provenance: draft.stated(text) }, statedText(draft, 'name', stem)];
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
];

interface ReadPlan {
  readonly method: 'cat' | 'sort' | 'tail';
  /** What the call does to the file. */
  readonly role: string;
  /** What the text it shows is called later; absent where it is not talked about. */
  readonly textRole?: string;
  readonly fits?: (node: FileNode) => boolean;
  readonly extra?: readonly PlannedArgument[];
  readonly slots?: Readonly<Record<string, string>>;
  /** The part of the content that the result shows. */
  readonly shown?: (content: string) => string;
}

/** A query about one file that shows its content or a part of it. */
function read(draft: TurnDraft, model: FileSystemModel, plan: ReadPlan): Clause | undefined {
  const { method, role, textRole, fits = hasText, extra = [], slots = {}, shown = (content) => content } = plan;
  const file = pickFile(draft, model.current, fits);
  if (file === undefined) return undefined;
  const target = draft.refer(file.entity);
  const content = shown(file.content);
  const answers = file.isOurs ? [] : content.split('\n').filter((line) => line.includes(' '));
  call(draft, method, [spokenArgument('file_name', target), ...extra], { changes: false, answers: () => answers });
  draft.mark(file.entity, role);
  const text = textRole === undefined ? undefined : learnText(draft, content, textRole);
  return {
    text: word(draft, phrasings[method], { file: target.phrase, ...slots }),
    focus: text !== undefined && isShortText(content) ? text : file.entity,
    message: 'Here it is.',
  };
}

function filesBelow(folder: FolderNode): FileNode[] {
  return [...filesIn(folder), ...subfolders(folder).flatMap(filesBelow)];
}

function namesBelow(folder: FolderNode): string[] {
  return [...folder.entries.keys(), ...subfolders(folder).flatMap(namesBelow)];
}

function isMultiLine(node: FileNode): boolean {
  return node.content.includes('\n');
}
