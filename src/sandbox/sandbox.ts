/**
 * Puts a launch into a sandbox, or says why it is not started: chooses the strongest mechanism that passes its trial, makes the
 * private home, and has the mechanism wrap the command. What holds is told with each launch; nothing is started here but
 * the trials.
 */
import { isInside, type Environment } from "../base/paths.ts";
import type { SandboxRules } from "../config/config.ts";
import type { LaunchSpec } from "../process/child.ts";
import { bwrap } from "./bwrap-mechanism.ts";
import {
  withoutSandbox,
  type Confined,
  type Confinement,
  type Reach,
  type SandboxPolicy,
  type Strength,
} from "./confinement.ts";
import { environmentInside } from "./environment.ts";
import { sandboxUnavailable } from "./errors.ts";
import type { MechanismKind, Wrap, Wrapped } from "./mechanism.ts";
import { openFolders } from "./opened-folders.ts";
import { privateHome } from "./private-home.ts";
import { reachOf, type Surroundings } from "./reach.ts";
import { tryMechanism } from "./trial.ts";
import { throughProxy } from "./way-out.ts";

/** The strongest first. */
const mechanisms: readonly MechanismKind[] = [bwrap];

const order: readonly Strength[] = ["advisory", "partial", "full"];

export interface SandboxParts {
  readonly stateDirectory: string;
  readonly env: Environment;
  readonly around: Surroundings;
}

/** One mechanism after its trial. */
export interface Trial {
  readonly kind: MechanismKind;
  readonly wrap: Wrap | undefined;
  /** Why it cannot be used: the end of a sentence; undefined if it can. */
  readonly problem: string | undefined;
}

export class Sandbox {
  readonly #parts: SandboxParts;
  #trials = new Map<string, Promise<Trial>>();

  constructor(parts: SandboxParts) {
    this.#parts = parts;
  }

  /** Has every mechanism tried again: something may have been installed, or be allowed now. */
  forgetTrials(): void {
    this.#trials = new Map();
  }

  /** Rejects with CRU_SANDBOX_UNAVAILABLE, CRU_SANDBOX_PLACE, and CRU_AGENT_START when something to start with is missing. */
  async confine(spec: LaunchSpec, policy: SandboxPolicy): Promise<Confined> {
    const { rules } = policy;
    if (rules.mode === "off") return unconfined(spec, "none");
    if (rules.mode === "external") return unconfined(spec, "external");
    const trial = await this.#choose(spec, rules);
    if (trial?.wrap === undefined) return unconfined(spec, "none");

    const home = this.#homeFor(policy);
    const reach = reachOf({ spec, policy, home, around: this.#parts.around });
    const opened = openFolders(foldersToHold(reach, home));
    try {
      const inside = { ...spec, cwd: reach.cwd, env: environmentInside(spec.env, { reach, home }) };
      const { toolSockets, network } = policy;
      const wrap = (program: LaunchSpec): Wrapped =>
        trial.wrap!({ spec: program, reach, toolSockets, opened: opened.byPath });
      return {
        ...(Array.isArray(network) ? wrapThroughProxy(inside, wrap) : wrap(inside)),
        confinement: this.#confinement(trial.kind, policy),
        started: () => opened.close(),
        release: async () => {},
      };
    } catch (error) {
      opened.close();
      throw error;
    }
  }

  /** What would hold an agent under these rules. Rejects as `confine` does when none is good enough. */
  async #choose(spec: LaunchSpec, { mode, accept }: SandboxRules): Promise<Trial | undefined> {
    const candidates = mechanisms.filter(({ name }) => mode === "auto" || mode === name);
    const trials: Trial[] = [];
    for (const kind of candidates) {
      const isEnough = mode !== "auto" || order.indexOf(kind.strength) >= order.indexOf(accept);
      if (!isEnough) continue;
      const trial = await this.#trialOf(kind);
      if (trial.problem === undefined) return trial;
      trials.push(trial);
    }
    if (mode === "auto" && accept === "advisory") return undefined;
    throw unavailable(spec.label, trials);
  }

  #trialOf(kind: MechanismKind): Promise<Trial> {
    const known = this.#trials.get(kind.name);
    if (known) return known;
    const trial = this.#try(kind);
    this.#trials.set(kind.name, trial);
    return trial;
  }

  async #try(kind: MechanismKind): Promise<Trial> {
    const { stateDirectory, env } = this.#parts;
    const wrap = await kind.prepare(env);
    if (typeof wrap === "string") return { kind, wrap: undefined, problem: wrap };
    const problem = await tryMechanism(
      stateDirectory,
      (spec, inside) => wrap({ spec, reach: trialReach(inside), toolSockets: undefined, opened: new Map() }).spec,
    );
    return { kind, wrap: problem === undefined ? wrap : undefined, problem };
  }

  #homeFor({ rules, profile, readable, writable }: SandboxPolicy): string {
    const { stateDirectory, around } = this.#parts;
    if (rules.home === "real") return around.home;
    const opened = [...readable, ...writable, ...profile.configDirs];
    return privateHome({ stateDirectory, profile: profile.name, home: around.home, opened });
  }

  #confinement({ name, strength, lost }: MechanismKind, { rules, directories }: SandboxPolicy): Confinement {
    const { home } = this.#parts.around;
    const opened = [
      ...(rules.home === "real" ? ['the user\'s whole home, which home = "real" opens'] : []),
      ...(directories.some((directory) => isInside(directory, home))
        ? ["the user's whole home, which is the kiln"]
        : []),
    ];
    return { mechanism: name, strength: opened.length > 0 ? "partial" : strength, lost: [...lost, ...opened] };
  }
}

/** The forwarder stands above the program, within the sandbox. */
function wrapThroughProxy(inside: LaunchSpec, wrap: (program: LaunchSpec) => Wrapped): Wrapped {
  const { toolSockets } = wrap(inside);
  // A mechanism without a network of its own has nothing to forward from.
  if (toolSockets === undefined) return wrap(inside);
  const wrapped = wrap(throughProxy(inside, toolSockets));
  const layer = wrapped.spec.sandbox;
  return layer ? { ...wrapped, spec: { ...wrapped.spec, sandbox: { ...layer, layers: layer.layers + 1 } } } : wrapped;
}

/** What somebody may write to while it is mounted, or to a folder above it: all but what is the daemon's own. */
function foldersToHold({ writable, readable, readOnlyKiln }: Reach, home: string): string[] {
  return [...writable.filter((path) => path !== home), ...readable.filter((path) => readOnlyKiln.includes(path))];
}

function trialReach(inside: string): Reach {
  return {
    writable: [inside],
    readable: [],
    hidden: [],
    links: [],
    readOnlyKiln: [],
    cwd: inside,
    folders: [],
    network: "open",
  };
}

function unconfined(spec: LaunchSpec, mechanism: "none" | "external"): Confined {
  const confinement: Confinement =
    mechanism === "external" ? { mechanism, strength: "full", lost: [] } : withoutSandbox;
  return { spec, confinement, toolSockets: undefined, started: () => {}, release: async () => {} };
}

function unavailable(label: string, trials: readonly Trial[]): Error {
  const tried = trials.map(({ kind, problem }) => `${kind.name} (${problem})`).join(", ");
  const remedies = trials.map(({ kind }) => kind.remedy);
  return sandboxUnavailable.create(`${label} was not started: no sandbox holds here; tried ${tried || "none"}`, {
    hint: [
      ...remedies,
      'or set `mode = "external"` under [sandbox] if a container around Crucible is the boundary, `accept = "advisory"` or ' +
        '`mode = "off"` to run agents without one',
    ].join("; "),
    details: { tried: trials.map(({ kind, problem }) => ({ mechanism: kind.name, problem })) },
  });
}
