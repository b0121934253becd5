import { addFile, type FileSystemModel } from '../scenario.js';
import type { Clause, TurnDraft } from '../turn-draft.js';
import { newFileName, newFolderName } from '../vocabulary.js';
import { chooseText } from './content.js';
import { fileSystemPhrasings as phrasings } from './file-system-phrasings.js';
import {
  call,
  type FileSystemOperation,
  filesIn,
  pick,
  pickFile,
  pickFolder,
  subfolders,
} from './file-system-steps.js';
import { changing, spokenArgument, statedText, word } from './wording.js';

/** Operations that write, rename, move, copy and delete files. */
export const changeOperations: readonly FileSystemOperation[] = [
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
      call(draft, 'echo', [spokenArgument('content', content), spokenArgument('file_name', target)], changing);
      file.content = content.literal;
      file.isOurs = true;
      draft.mark(file.entity, 'written');
      return {
        text: word(draft, phrasings.echo, { content: content.phrase, file: target.phrase }),
        focus: file.entity,
        message: 'Done.',
      };
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
        node.kind === 'file'
          ? newFileName(draft.random, model.names, model.mostNames)
          : newFolderName(draft.random, model.names, model.mostNames);
      const source = draft.refer(node.entity);
      const args = [spokenArgument('source', source), statedText(draft, 'destination', name)];
      call(draft, 'mv', args, changing);
      const text = word(draft, phrasings.rename, { file: source.phrase, name: `'${name}'` });
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
      const name = newFileName(draft.random, model.names, model.mostNames);
      const source = draft.refer(file.entity);
      const args = [spokenArgument('source', source), statedText(draft, 'destination', name)];
      call(draft, 'cp', args, changing);
      const copy = addFile(model, draft.scenario.registry, model.current, name);
      copy.content = file.content;
      copy.isOurs = file.isOurs;
      draft.introduce(copy.entity);
      draft.mark(copy.entity, 'copied');
      draft.mark(copy.entity, 'created');
      const text = word(draft, phrasings.copy, { file: source.phrase, name: `'${name}'` });
      // No focus: "it" could mean the copy or the original.
      return { text, focus: undefined, message: 'Done.' };
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
      const args = [spokenArgument('file_name', target)];
      call(draft, 'rm', args, changing);
      model.current.entries.delete(file.entity.literal);
      return { text: word(draft, phrasings.rm, { file: target.phrase }), focus: undefined, message: 'Done.' };
    },
  },
];

function transfer(draft: TurnDraft, model: FileSystemModel, method: 'mv' | 'cp'): Clause | undefined {
  const file = pickFile(draft, model.current);
  const folder = pickFolder(draft, model.current);
  if (file === undefined || folder === undefined || folder.entries.has(file.entity.literal)) return undefined;
  const source = draft.refer(file.entity);
  const target = draft.refer(folder.entity);
  const args = [spokenArgument('source', source), spokenArgument('destination', target)];
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
  const text = word(draft, method === 'mv' ? phrasings.move : phrasings.copyInto, {
    file: source.phrase,
    folder: target.phrase,
  });
  return { text, focus: folder.entity, message: 'Done.' };
}

function hasFileAndFolder(weight: number): FileSystemOperation['weight'] {
  return (_draft, model) => (filesIn(model.current).length > 0 && subfolders(model.current).length > 0 ? weight : 0);
}
