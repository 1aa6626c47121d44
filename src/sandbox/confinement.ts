/**
 * The words of this folder: what an agent in a sandbox may reach (policy and reach), and what holds it (confinement).
 */
import type { AgentProfile, NetworkRule, SandboxRules } from "../config/config.ts";
import type { LaunchSpec } from "../process/child.ts";

/** What holds an agent. `external`: something around the daemon, which Crucible has not tried. */
export type Mechanism = "bwrap" | "landlock" | "seatbelt" | "external" | "none";

/** `full`: the operating system holds all of it; `partial`: all but what is listed; `advisory`: the agent's good will. */
export type Strength = "full" | "partial" | "advisory";

/** What holds one running agent, as people are shown it. */
export interface Confinement {
  readonly mechanism: Mechanism;
  readonly strength: Strength;
  /** What is not held, each a phrase that can follow "not held: ". */
  readonly lost: readonly string[];
}

/** Of a process that is in no sandbox. */
export const withoutSandbox: Confinement = {
  mechanism: "none",
  strength: "advisory",
  lost: ["everything: it runs with all rights of the user"],
};

/** True in a sandbox of Crucible's own. */
export function isHeldBySandbox({ mechanism }: Confinement): boolean {
  return mechanism !== "none" && mechanism !== "external";
}

/** What an agent may reach, in the words of the configuration. All paths are absolute. */
export interface SandboxPolicy {
  readonly profile: Pick<AgentProfile, "name" | "family" | "configDirs" | "env">;
  readonly rules: SandboxRules;
  /** Where it works: its kiln. Real; one that leads elsewhere by now is refused, since somebody has put a link in its place. */
  readonly directories: readonly string[];
  /** Of the repositories of worktrees among them; real in the same way. */
  readonly git: { readonly read: readonly string[]; readonly write: readonly string[] };
  readonly readable: readonly string[];
  readonly writable: readonly string[];
  /** Files that its arguments and its profile's variables name are opened as parts of its program: only for words of the configuration, never for an agent's. */
  readonly opensArguments: boolean;
  /** The kiln and all besides are for reading only; its private home and /tmp stay writable. */
  readonly readOnly: boolean;
  readonly network: NetworkRule;
  /** Directory of the sockets on which its tools are reached; undefined for an agent that has none. */
  readonly toolSockets: string | undefined;
}

/** A launch as it is inside a sandbox. */
export interface Confined {
  readonly spec: LaunchSpec;
  readonly confinement: Confinement;
  /** True if it is held to a network of "none". */
  readonly isOffline: boolean;
  /** Directory of its tools' sockets as it is inside; undefined outside of a sandbox. */
  readonly toolSockets: string | undefined;
  /** What the configuration tells it to use and it will not find, each a sentence without its end. */
  readonly unreached: readonly string[];
  /** To be called once it was started, or could not be: closes what was open for the start alone. */
  started(): void;
  /** To be called when it has ended. Never rejects. */
  release(): Promise<void>;
}

/** A symbolic link that has to be there, because something is named through it. */
export interface Link {
  readonly path: string;
  readonly target: string;
}

export interface Hidden {
  readonly path: string;
  readonly isFolder: boolean;
}

/** What is reachable inside, by paths of the host that are the same inside: real, absolute, none within another of its kind. */
export interface Reach {
  readonly writable: readonly string[];
  readonly readable: readonly string[];
  /** Those of `readable` that would be writable if the kiln were. */
  readonly readOnlyKiln: readonly string[];
  /** Never reachable, also where they lie within what is. */
  readonly hidden: readonly Hidden[];
  readonly links: readonly Link[];
  /** Directory that the program starts in. */
  readonly cwd: string;
  /** Empty directories that have to exist, such as the user's home. */
  readonly folders: readonly string[];
  readonly network: "open" | "closed";
}
