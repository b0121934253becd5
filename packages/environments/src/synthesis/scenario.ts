import type { SynthesisConfig } from '@parl-mt/schema';
import { type Entity, EntityRegistry } from './entities.js';
import type { Random } from './random.js';
import {
  drawMessages,
  drawTrading,
  drawTravel,
  drawVehicle,
  type MessageModel,
  type TradingModel,
  type TravelModel,
  type VehicleModel,
} from './service-scenarios.js';
import {
  newFileName,
  newFolderName,
  newHiddenName,
  newPassword,
  newRootName,
  newText,
  newTitle,
  newUserName,
} from './vocabulary.js';

/** Classes that tasks can be synthesised over, in the order tasks list them. */
export const synthesisClasses = [
  'GorillaFileSystem',
  'TwitterAPI',
  'MathAPI',
  'TicketAPI',
  'MessageAPI',
  'TradingBot',
  'TravelAPI',
  'VehicleControlAPI',
] as const;
export type SynthesisClass = (typeof synthesisClasses)[number];

export interface FileNode {
  readonly kind: 'file';
  parent: FolderNode;
  content: string;
  /** The conversation wrote the content, so that reading it tells nothing new. */
  isOurs: boolean;
  readonly entity: Entity;
}

export interface FolderNode {
  readonly kind: 'folder';
  readonly parent: FolderNode | undefined;
  /** Children by name, in the order of the environment. */
  readonly entries: Map<string, FileNode | FolderNode>;
  readonly entity: Entity;
}

export interface FileSystemModel {
  readonly root: FolderNode;
  current: FolderNode;
  /** Every name ever used, so that a name means one thing for the whole task. */
  readonly names: Set<string>;
  /** How many different file names all tasks may use together. */
  readonly mostNames: number;
}

export interface TweetModel {
  readonly entity: Entity;
  readonly id: number;
  readonly username: string;
  readonly content: string;
  /** Posted without mentions: shares the one default list of all such tweets (a quirk of the reference). */
  readonly sharesMentions: boolean;
  readonly mentions: Set<string>;
  retweeted: boolean;
  commented: boolean;
}

export interface TwitterModel {
  readonly username: string;
  readonly password: string;
  authenticated: boolean;
  readonly tweets: TweetModel[];
  readonly following: Set<string>;
}

export interface TicketModel {
  readonly entity: Entity;
  readonly id: number;
  title: string;
  status: string;
  priority: number;
  readonly createdBy: string;
}

export interface TicketDeskModel {
  user: string | undefined;
  readonly tickets: TicketModel[];
}

/** What the planner knows about the environment: enough to propose calls that succeed. */
export interface Scenario {
  readonly classes: readonly SynthesisClass[];
  readonly registry: EntityRegistry;
  readonly files: FileSystemModel | undefined;
  readonly twitter: TwitterModel | undefined;
  readonly desk: TicketDeskModel | undefined;
  readonly math: boolean;
  readonly messages: MessageModel | undefined;
  readonly trading: TradingModel | undefined;
  readonly travel: TravelModel | undefined;
  readonly vehicle: VehicleModel | undefined;
  /** The user entities met so far, by name. */
  readonly users: Map<string, Entity>;
  /** Initial state for the environment, JSON text. */
  readonly initialConfig: string;
}

/** Draws an initial configuration for the given classes: small trees, a few tweets and tickets, mostly logged in. */
export function drawScenario(
  random: Random,
  classes: readonly SynthesisClass[],
  { names: mostNames, files: mostFiles }: Pick<SynthesisConfig, 'names' | 'files'>,
): Scenario {
  const registry = new EntityRegistry();
  const config: Record<string, unknown> = {};
  const files = classes.includes('GorillaFileSystem')
    ? drawFiles(random, registry, config, { mostNames, mostFiles })
    : undefined;
  const twitter = classes.includes('TwitterAPI') ? drawTwitter(random, registry, config) : undefined;
  const desk = classes.includes('TicketAPI') ? drawTickets(random, registry, config, twitter?.username) : undefined;
  const math = classes.includes('MathAPI');
  const messages = classes.includes('MessageAPI') ? drawMessages(random, registry, config) : undefined;
  const trading = classes.includes('TradingBot') ? drawTrading(random, registry, config) : undefined;
  const travel = classes.includes('TravelAPI') ? drawTravel(random, registry, config) : undefined;
  const vehicle = classes.includes('VehicleControlAPI') ? drawVehicle(random, config) : undefined;
  const initialConfig = JSON.stringify(config);
  return {
    ...{ classes, registry, files, twitter, desk, math, messages, trading, travel, vehicle },
    users: new Map(),
    initialConfig,
  };
}

/** Path below the root, "" for the root itself. */
export function directoryPath(folder: FolderNode): string {
  const names: string[] = [];
  for (let node = folder; node.parent !== undefined; node = node.parent) names.unshift(node.entity.literal);
  return names.join('/');
}

export function addFile(model: FileSystemModel, registry: EntityRegistry, parent: FolderNode, name: string): FileNode {
  const node: FileNode = { kind: 'file', parent, content: '', isOurs: false, entity: registry.add('file', name) };
  parent.entries.set(name, node);
  model.names.add(name);
  return node;
}

export function addFolder(
  model: FileSystemModel,
  registry: EntityRegistry,
  parent: FolderNode,
  name: string,
): FolderNode {
  const node: FolderNode = { kind: 'folder', parent, entries: new Map(), entity: registry.add('folder', name) };
  parent.entries.set(name, node);
  model.names.add(name);
  return node;
}

function drawFiles(
  random: Random,
  registry: EntityRegistry,
  config: Record<string, unknown>,
  { mostNames, mostFiles }: { readonly mostNames: number; readonly mostFiles: number },
): FileSystemModel {
  const rootName = newRootName(random);
  const root: FolderNode = {
    kind: 'folder',
    parent: undefined,
    entries: new Map(),
    entity: registry.add('folder', rootName),
  };
  const model: FileSystemModel = { root, current: root, names: new Set([rootName]), mostNames };
  fillFolder(random, registry, model, root, { depth: 0, mostFiles });
  if (random.chance(0.15)) addFile(model, registry, root, newHiddenName(random)).content = newText(random);
  config.GorillaFileSystem = { root: { [rootName]: folderConfig(root) } };
  return model;
}

function fillFolder(
  random: Random,
  registry: EntityRegistry,
  model: FileSystemModel,
  folder: FolderNode,
  { depth, mostFiles }: { readonly depth: number; readonly mostFiles: number },
): void {
  const folders = depth === 0 ? random.integer(1, 2) : depth === 1 ? random.integer(0, 1) : 0;
  for (let i = 0; i < folders; i++) {
    const child = addFolder(model, registry, folder, newFolderName(random, model.names, model.mostNames));
    fillFolder(random, registry, model, child, { depth: depth + 1, mostFiles });
  }
  const files =
    depth === 0
      ? random.integer(Math.max(1, mostFiles - 1), mostFiles)
      : random.integer(folders === 0 && depth === 1 ? 0 : 1, 2);
  for (let i = 0; i < files; i++) {
    const lines = Array.from({ length: random.integer(1, 3) }, () => newText(random));
    addFile(model, registry, folder, newFileName(random, model.names, model.mostNames)).content = lines.join('\n');
  }
}

function folderConfig(folder: FolderNode): unknown {
  const contents = Object.fromEntries(
    [...folder.entries].map(([name, node]) => [
      name,
      node.kind === 'file' ? { type: 'file', content: node.content } : folderConfig(node),
    ]),
  );
  return { type: 'directory', contents };
}

function drawTwitter(random: Random, registry: EntityRegistry, config: Record<string, unknown>): TwitterModel {
  const username = newUserName(random);
  const password = newPassword(random);
  const names = new Set([username]);
  const authors = Array.from({ length: random.integer(1, 2) }, () => drawName(random, names));
  const following = Array.from({ length: random.integer(1, 2) }, () => drawName(random, names));
  const firstId = random.integer(10, 90);
  const tweets = authors.map((author, i): TweetModel => {
    const id = firstId + i;
    return {
      entity: registry.add('tweet', `${id}`),
      id,
      username: author,
      content: newText(random, 3, 4),
      sharesMentions: false,
      mentions: new Set(),
      retweeted: false,
      commented: false,
    };
  });
  const authenticated = random.chance(0.75);
  config.TwitterAPI = {
    username,
    password,
    authenticated,
    tweets: Object.fromEntries(
      tweets.map(({ id, username, content }) => [id, { id, username, content, tags: [], mentions: [] }]),
    ),
    comments: {},
    retweets: {},
    following_list: following,
    tweet_counter: firstId + tweets.length,
  };
  return { username, password, authenticated, tweets, following: new Set(following) };
}

function drawTickets(
  random: Random,
  registry: EntityRegistry,
  config: Record<string, unknown>,
  twitterName: string | undefined,
): TicketDeskModel {
  const user = twitterName ?? newUserName(random);
  const other = newUserName(random, new Set([user]));
  const firstId = random.integer(100, 990);
  const owners = Array.from({ length: random.integer(1, 2) }, () => (random.chance(0.6) ? user : other));
  const tickets = owners.map((owner, i): TicketModel => {
    const id = firstId + i;
    const status = random.chance(0.8) ? 'Open' : 'Resolved';
    const priority = random.integer(1, 5);
    return { entity: registry.add('ticket', `${id}`), id, title: newTitle(random), status, priority, createdBy: owner };
  });
  const loggedIn = random.chance(0.75);
  config.TicketAPI = {
    ticket_queue: tickets.map(({ id, title, status, priority, createdBy }) => ({
      id,
      title,
      description: newText(random),
      status,
      priority,
      created_by: createdBy,
    })),
    ticket_counter: firstId + tickets.length,
    current_user: loggedIn ? user : null,
  };
  return { user: loggedIn ? user : undefined, tickets };
}

function drawName(random: Random, taken: Set<string>): string {
  const name = newUserName(random, taken);
  taken.add(name);
  return name;
}
