/** What an attempt of the attacker is: which promise it is about, what is tried, and how the test finds out what came of it. */
import type { Mode } from "./field.ts";

/** What a row of the table in docs/concepts/security.md promises, in its words. */
export const acts = {
  readYours: "read your files outside the kiln: keys, logins of other agents, configuration",
  writeYours: "write, rename or remove them, or lay something in your PATH",
  otherKiln: "read or write the kiln of another session",
  state: "read Crucible's state: transcripts, homes of other agents, the log",
  daemonSocket: "speak to the daemon's socket in your place",
  processes: "look into your other processes, or signal them",
  outlive: "leave a process behind that has taken off every mark",
  loopback: 'reach services on loopback and abstract sockets, with `network = "open"`',
  closedNetwork: 'reach any of these, or anything else of the network, with `network = "none"`',
  sockets: "speak to sockets of your other programs: ssh-agent, D-Bus, Docker, the desktop",
  terminals: "write or type on your terminals",
  keyring: "read keys of your login in the kernel's key rings",
  fill: "fill the machine's temporary folders and its memory with files",
  crowd: "have more processes than `[limits]` gives, for longer than seconds",
  names: "look up whether a file outside exists, and its size",
  machine: "use the rights of root: devices, kernel settings, mounts",
  hardLinks: "read through a hard link that stood in the kiln before",
  homeTraps: "lay something in its home that the next agent of its profile meets, in another kiln too",
  kilnTraps: "lay something in the kiln that you run later: git settings, hooks, scripts of packages",
  environment: "see the daemon's environment in its own",
  descriptors: "use open files of the daemon",
  login: "have Crucible bring back something else than its login",
  gate: "read or write outside the kiln by asking Crucible (`fs/*`, `terminal/*`), links and races included",
  permissions: "get more than was answered from one permission question",
  trees: "read, steer or go on with delegations of another session",
  rules: "delegate deeper, elsewhere or wider than its grant",
  httpDoor: "use the HTTP door without a token of a live session, or from a page",
  readOnly: "write in the kiln by itself, though it was given `read_only`",
  tools: "have Crucible do what its `tools` leave out",
  ownGit: "have a program started by the git that Crucible runs itself",
} as const;

export type Act = keyof typeof acts;

/** How the test finds out by itself. */
export type Proof =
  /** A secret is in what the attacker brought home. */
  | { leaked: string }
  /** A file outside holds the mark of the attempt. */
  | { marked: string }
  /** A file has become another one's copy. */
  | { copied: string; text: string }
  /** Something is there, or is gone, that was not to be. */
  | { made: string }
  | { gone: string }
  /** A process with this in its command line lives when the agent has ended. */
  | { alive: string }
  /** A listener of the test has heard the mark. */
  | { heard: "tcp" | "abstract" | "unix" | "terminal" }
  /** The process that the test had stand by was signalled. */
  | { struck: true }
  /** An agent of this profile was started. */
  | { started: string }
  /** The delegation of the other session is not what it was. */
  | { disturbed: true }
  /** The attacker got an answer that says so. */
  | { answered: RegExp };

export interface Attempt {
  readonly name: string;
  readonly act: Act;
  readonly try: Readonly<Record<string, unknown>> & { readonly op: string };
  readonly proof: Proof;
  /** Where it is tried; default: in all. What would harm the machine where nothing holds it is tried where something does. */
  readonly modes?: readonly Mode[];
}

/** Left in whatever an attempt could write to; `{mark}` in its parameters. */
export const mark = "{mark}";
