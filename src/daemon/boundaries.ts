/**
 * Who is put into which sandbox: from the configuration, the kiln of whom an agent works for, and the sockets its tools need,
 * to a policy that the sandbox turns into a launch. Used for agents and for whatever else runs in a session's place.
 */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { isSystemError } from "../base/errors.ts";
import { homeDirectory, isInside, type Environment } from "../base/paths.ts";
import type { AgentProfile, Config, SandboxRules } from "../config/config.ts";
import { socketKeyFile } from "../control/socket-key.ts";
import { kilnOf, type KilnConfig } from "../kiln/open-kiln.ts";
import { listed } from "../base/text.ts";
import type { LaunchSpec } from "../process/child.ts";
import type { Confined, Confinement, Hidden } from "../sandbox/confinement.ts";
import { sandboxPlace } from "../sandbox/errors.ts";
import { ownProgramFolders } from "../sandbox/reach.ts";
import { realPathOf } from "../sandbox/real-paths.ts";
import { Sandbox, type Trial } from "../sandbox/sandbox.ts";
import type { Kiln } from "../sessions/kiln.ts";

const crucibleRoot = fileURLToPath(new URL("../../", import.meta.url));

/** Whom an agent works for: an editor's own, or another agent. */
export type WorksFor = "editor" | "agent";

/** What decides on the sandbox of one launch. */
export interface Boundary {
  readonly profile: AgentProfile;
  readonly worksFor: WorksFor;
  /** An agent chose the program and its arguments, and not the configuration. */
  readonly isAgentsCommand?: boolean;
  readonly kiln: Pick<Kiln, "directories" | "read" | "write" | "readOnly" | "git">;
  /** Directory of the sockets on which its tools are reached; undefined if it has none. */
  readonly toolSockets?: string | undefined;
}

export interface BoundariesParts {
  readonly config: () => Config;
  readonly stateDirectory: string;
  /** What no agent sees anything of; the state folder when missing. */
  readonly hiddenFolder?: string;
  readonly socketPath: string;
  /** Opens the way to the listed hosts, if it is not open, and gives the directory of its socket. */
  readonly openWayOut: () => Promise<string>;
  readonly onWarning: (message: string) => void;
  readonly env?: Environment;
}

export class Boundaries {
  readonly #parts: BoundariesParts;
  readonly #sandbox: Sandbox;

  constructor(parts: BoundariesParts) {
    const { stateDirectory, onWarning, env = process.env } = parts;
    this.#parts = parts;
    const home = homeDirectory(env);
    const around = {
      home: realPathOf(home) ?? home,
      hidden: () => this.#hidden(),
      ownProgram: ownProgramFolders(crucibleRoot, process.execPath),
    };
    this.#sandbox = new Sandbox({ stateDirectory, env, around, onWarning });
  }

  /** The configuration, or the machine, may be another now. */
  revise(): void {
    this.#sandbox.forgetTrials();
  }

  /** True if an agent of this profile is put into a sandbox at all. */
  holds(profile: AgentProfile, worksFor: WorksFor): boolean {
    const { mode, appliesTo } = profile.sandbox;
    return mode !== "off" && (worksFor === "agent" || appliesTo === "all");
  }

  /** Rejects with CRU_SANDBOX_UNAVAILABLE, CRU_SANDBOX_PLACE and CRU_AGENT_START. */
  async confine(spec: LaunchSpec, boundary: Boundary): Promise<Confined> {
    const { profile, worksFor, kiln, toolSockets, isAgentsCommand = false } = boundary;
    const isHeld = this.holds(profile, worksFor);
    const rules: SandboxRules = isHeld ? profile.sandbox : { ...profile.sandbox, mode: "off" };
    const { network } = this.#parts.config().kiln;
    // What is not there cannot be mounted: a repository without a checkout has no folder for logs until git makes it.
    if (isHeld && !kiln.readOnly) kiln.git.write.forEach(makeIfMissing);
    const wayOut = isHeld && Array.isArray(network) ? await this.#parts.openWayOut() : undefined;
    return this.#sandbox.confine(spec, {
      profile,
      rules,
      directories: kiln.directories,
      readable: kiln.read,
      writable: kiln.write,
      opensArguments: !isAgentsCommand,
      git: kiln.git,
      readOnly: kiln.readOnly,
      network,
      toolSockets: toolSockets ?? wayOut,
    });
  }

  /**
   * Throws CRU_SANDBOX_PLACE for a session that its editor's agent could not work in: the sandbox was made when the agent
   * started, in `cwd`, and no directory can be added to it.
   */
  requireReach({
    profile,
    directories,
    cwd,
  }: {
    profile: AgentProfile;
    directories: readonly string[];
    cwd: string;
  }): void {
    if (!this.holds(profile, "editor") || profile.sandbox.mode === "external") return;
    const reached = kilnOfEditor(cwd, this.#parts.config()).directories;
    const lost = directories.find((directory) => !reached.some((one) => isInside(one, directory)));
    if (lost === undefined) return;
    throw sandboxPlace.create(
      `${lost} cannot be reached by ${profile.name}, whose sandbox holds ${listed(reached, "and")}`,
      {
        hint: "name a directory above all that you work in as roots under [kiln], or have the editor start `crucible acp` there",
      },
    );
  }

  /** A program of Crucible's own that works on what agents have written, as git does: held by the rules for all agents. */
  confineTool(spec: LaunchSpec, git: Kiln["git"]): Promise<Confined> {
    return this.#sandbox.confine(spec, {
      profile: { name: `@${spec.label}`, family: undefined, configDirs: [], env: {} },
      rules: this.#parts.config().sandbox,
      directories: [],
      readable: [],
      writable: [],
      opensArguments: false,
      git,
      readOnly: false,
      network: "none",
      toolSockets: undefined,
    });
  }

  /** What would hold an agent of this profile. Rejects with CRU_SANDBOX_UNAVAILABLE. */
  foresee(profile: AgentProfile, worksFor: WorksFor, directories: readonly string[]): Promise<Confinement> {
    const rules: SandboxRules = this.holds(profile, worksFor) ? profile.sandbox : { ...profile.sandbox, mode: "off" };
    const { network } = this.#parts.config().kiln;
    return this.#sandbox.foresee(profile.name, { rules, directories, network });
  }

  /** Every mechanism of this system after its trial, the strongest first. */
  trials(): Promise<Trial[]> {
    return this.#sandbox.trials();
  }

  /** The daemon's own files. Looked for each time: a socket, a lock and a configuration come and go. */
  #hidden(): Hidden[] {
    const { stateDirectory, hiddenFolder = stateDirectory, socketPath, config } = this.#parts;
    const { file } = config();
    const files = [socketPath, socketKeyFile(socketPath), `${socketPath}.lock`, ...(file === undefined ? [] : [file])];
    const folders = [hiddenFolder, toolSocketFolderOf(socketPath)];
    return [
      ...files.map((path) => ({ path: realPathOf(path), isFolder: false })),
      ...folders.map((path) => ({ path: realPathOf(path), isFolder: true })),
    ].filter((one): one is Hidden => one.path !== undefined);
  }
}

function makeIfMissing(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    // Where it cannot be, git inside will say so.
    if (!isSystemError(error, "EEXIST", "ENOENT", "ENOTDIR", "EACCES", "EROFS", "ENOSPC", "EDQUOT")) throw error;
  }
}

/** Folder of the sockets that lead to tools and to nothing else, beside the daemon's own socket. */
export function toolSocketFolderOf(socketPath: string): string {
  return `${socketPath}.tools`;
}

/**
 * Where an editor's own agent may work: one process serves all of the editor's sessions, so it reaches every root that
 * sessions may be opened in; without roots, where the editor was started.
 */
export function kilnOfEditor(cwd: string, config: KilnConfig): Boundary["kiln"] {
  const [first, ...others] = config.kiln.roots ?? [cwd];
  return first === undefined ? noKiln(cwd) : kilnOf({ cwd: first, additionalDirectories: others }, config);
}

/** The kiln of nobody: a directory to start in, and nothing to work on. */
export function noKiln(cwd: string): Boundary["kiln"] {
  return {
    directories: dirname(cwd) === cwd ? [] : [realPathOf(cwd) ?? cwd],
    read: [],
    write: [],
    readOnly: true,
    git: { read: [], write: [] },
  };
}
