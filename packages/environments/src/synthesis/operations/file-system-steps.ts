import type { Entity } from '../entities.js';
import type { FileNode, FileSystemModel, FolderNode } from '../scenario.js';
import type { ArgumentProvenance } from '../trace.js';
import type { CallOptions, Clause, PlannedArgument, TurnDraft } from '../turn-draft.js';
import { familiarity } from './content.js';
import type { Operation } from './operation.js';
import { changing, spokenArgument } from './wording.js';

/** An operation on files: as `Operation`, with the tree at hand. */
export interface FileSystemOperation {
  readonly name: string;
  readonly methods: readonly string[];
  readonly uses?: Operation['uses'];
  weight(draft: TurnDraft, model: FileSystemModel): number;
  run(draft: TurnDraft, model: FileSystemModel): Clause | undefined;
}

export function call(
  draft: TurnDraft,
  method: string,
  args: readonly PlannedArgument[],
  options: CallOptions,
): unknown {
  return draft.call('GorillaFileSystem', method, args, options);
}

export function learnText(draft: TurnDraft, text: string, role: string): Entity {
  const entity = draft.scenario.registry.add('text', text);
  draft.learn(entity, role);
  return entity;
}

export function enter(draft: TurnDraft, model: FileSystemModel, folder: FolderNode): { readonly phrase: string } {
  const spoken = draft.refer(folder.entity);
  const args = [spokenArgument('folder', spoken)];
  call(draft, 'cd', args, changing);
  model.current = folder;
  draft.noteDirectory();
  return spoken;
}

export function leave(draft: TurnDraft, model: FileSystemModel, provenance: ArgumentProvenance): void {
  call(draft, 'cd', [{ name: 'folder', value: '..', provenance }], changing);
  model.current = model.current.parent!;
  draft.noteDirectory();
}

export function nowIn(model: FileSystemModel): string {
  return `Now in ${model.current.entity.literal}.`;
}

export function pickFile(
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

export function pickFolder(draft: TurnDraft, folder: FolderNode): FolderNode | undefined {
  return pick(draft, subfolders(folder));
}

export function pick<T extends { readonly entity: Entity }>(draft: TurnDraft, nodes: readonly T[]): T | undefined {
  return draft.random.pickWeighted(nodes, (node) => familiarity(draft, node.entity));
}

export function filesIn(folder: FolderNode): FileNode[] {
  return [...folder.entries.values()].filter((node) => node.kind === 'file');
}

export function subfolders(folder: FolderNode): FolderNode[] {
  return [...folder.entries.values()].filter((node) => node.kind === 'folder');
}

export function hasText(node: FileNode): boolean {
  return node.content !== '';
}

export function hasContent(weight: number): FileSystemOperation['weight'] {
  return (_draft, model) => (filesIn(model.current).some(hasText) ? weight : 0);
}
