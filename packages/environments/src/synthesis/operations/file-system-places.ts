import type { FileSystemModel, FolderNode } from '../scenario.js';
import { addFile, addFolder } from '../scenario.js';
import type { ArgumentProvenance } from '../trace.js';
import type { TurnDraft } from '../turn-draft.js';
import { newFileName, newFolderName } from '../vocabulary.js';
import { fileSystemPhrasings as phrasings } from './file-system-phrasings.js';
import {
  call,
  enter,
  type FileSystemOperation,
  filesIn,
  learnText,
  leave,
  nowIn,
  pick,
  pickFolder,
  subfolders,
} from './file-system-steps.js';
import { changing, fieldOf, listOf, statedText, unchanged, word } from './wording.js';

/** Operations about where: moving around, listing, making and removing folders and files in a place. */
export const placeOperations: readonly FileSystemOperation[] = [
  {
    name: 'pwd',
    methods: ['pwd'],
    weight: (_draft, model) => (model.current === model.root ? 0.15 : 0.5),
    run(draft) {
      const path = fieldOf(call(draft, 'pwd', [], unchanged), 'current_working_directory');
      const entity = learnText(draft, path, 'path');
      return { text: word(draft, phrasings.pwd), focus: entity, message: `You are in ${path}.` };
    },
  },
  {
    name: 'ls',
    methods: ['ls'],
    weight: () => 1,
    run(draft, model) {
      const place = choosePlace(draft, model, ['in this folder', 'in the current folder', 'here']);
      const isAll = draft.random.chance(0.3);
      const text = word(draft, isAll ? phrasings.lsAll : phrasings.ls, { place: place.suffix });
      const args = isAll ? [{ name: 'a', value: true, provenance: draft.stated('hidden') }] : [];
      const result = call(draft, 'ls', args, unchanged);
      const names = listOf(result, 'current_directory_content');
      draft.surface([...model.current.entries.values()].map(({ entity }) => entity));
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
      return { text: word(draft, phrasings.cd, { folder: phrase }), focus: folder.entity, message: nowIn(model) };
    },
  },
  {
    name: 'cd-parent',
    methods: ['cd'],
    weight: (draft, model) => (model.current.parent === undefined || hasMoved(draft) ? 0 : 1),
    run(draft, model) {
      const parent = model.current.parent!;
      const isNamed = parent.parent !== undefined && draft.isKnown(parent.entity) && draft.random.chance(0.5);
      if (!isNamed) {
        const text = word(draft, phrasings.cdParent);
        leave(draft, model, draft.stated(text));
        return { text, focus: undefined, message: nowIn(model) };
      }
      const folder = `'${parent.entity.literal}'`;
      leave(draft, model, inState(folder, parent));
      return { text: word(draft, phrasings.cdBack, { folder }), focus: parent.entity, message: nowIn(model) };
    },
  },
  {
    name: 'mkdir',
    methods: ['mkdir'],
    weight: (_draft, model) => (subfolders(model.current).length > 2 ? 0.2 : 1.2),
    run(draft, model) {
      const place = choosePlace(draft, model, ['', '', 'in this folder', 'here']);
      const name = newFolderName(draft.random, model.names, model.mostNames);
      call(draft, 'mkdir', [statedText(draft, 'dir_name', name)], changing);
      const { entity } = addFolder(model, draft.scenario.registry, model.current, name);
      draft.introduce(entity);
      draft.mark(entity, 'created');
      return {
        text: word(draft, phrasings.mkdir, { name: `'${name}'`, place: place.suffix }),
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
      const name = newFileName(draft.random, model.names, model.mostNames);
      call(draft, 'touch', [statedText(draft, 'file_name', name)], changing);
      const { entity } = addFile(model, draft.scenario.registry, model.current, name);
      draft.introduce(entity);
      draft.mark(entity, 'created');
      return {
        text: word(draft, phrasings.touch, { name: `'${name}'`, place: place.suffix }),
        focus: entity,
        message: 'Done.',
      };
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
      call(draft, 'rmdir', [statedText(draft, 'dir_name', literal)], changing);
      model.current.entries.delete(literal);
      return { text: word(draft, phrasings.rmdir, { name: `'${literal}'` }), focus: undefined, message: 'Done.' };
    },
  },
];

/** Nobody goes into a folder only to leave it in the same breath. */
function hasMoved(draft: TurnDraft): boolean {
  return draft.calls.some(({ method }) => method === 'cd');
}

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
    return canMove && here.parent !== undefined && !hasMoved(draft) ? 0.6 : 0;
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

/** `..` for a folder named by the message, which only the path walked so far shows to be the parent. */
function inState(phrase: string, parent: FolderNode): ArgumentProvenance {
  return { kind: 'reference', phrase, entity: 'folder', literal: '..', turn: parent.entity.known!.turn };
}
