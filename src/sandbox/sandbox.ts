/**
 * Puts a launch into a sandbox, or says why it is not started: chooses the strongest mechanism that passes its trial, makes the
 * private home, and has the mechanism wrap the command. What holds is told with each launch; nothing is started here but
 * the trials.
 */
import { isSystemError, messageOf } from "../base/errors.ts";
import { isInside, type Environment } from "../base/paths.ts";
import { listed } from "../base/text.ts";
import type { SandboxRules } from "../config/config.ts";
import type { LaunchSpec } from "../process/child.ts";
import { agentStart } from "../process/errors.ts";
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
import { landlock } from "./landlock.ts";
import { exchangeLogins, loginCheckMs } from "./logins.ts";
import type { MechanismKind, Wrap, Wrapped } from "./mechanism.ts";
import { unreached } from "./named-paths.ts";
import { openFolders } from "./opened-folders.ts";
import { privateHome } from "./private-home.ts";
import { realPathOf } from "./real-paths.ts";
import { reachOf, requireHoldable, type Surroundings } from "./reach.ts";
import { withoutOwnSandbox } from "./own-sandbox.ts";
import { seatbelt } from "./seatbelt.ts";
import { tryMechanism } from "./trial.ts";
import { throughProxy } from "./way-out.ts";

/** The strongest first. */
const mechanisms: readonly MechanismKind[] = [bwrap, landlock, seatbelt];

const ofThisSystem = mechanisms.filter(({ platform }) => platform === process.platform);

/** Something around the daemon holds its agents, as the configuration declares. */
const external: Confinement = { mechanism: "external", strength: "full", lost: [] };

const order: readonly Strength[] = ["advisory", "partial", "full"];

export interface SandboxParts {
  readonly stateDirectory: string;
  readonly env: Environment;
  readonly around: Surroundings;
  readonly onWarning: (message: string) => void;
}

/** The part of a policy by which a mechanism is chosen. */
export type ForeseenPolicy = Pick<SandboxPolicy, "rules" | "directories" | "network">;

interface Choice {
  readonly wrap: Wrap;
  readonly network: MechanismKind["network"];
  readonly nests: boolean;
  readonly confinement: Confinement;
}

interface Refused {
  readonly kind: MechanismKind;
  readonly problem: string;
}

/** One mechanism after its trial. */
export interface Trial {
  readonly kind: MechanismKind;
  readonly wrap: Wrap | undefined;
  /** Why it cannot be used: the end of a sentence; undefined if it can. */
  readonly problem: string | undefined;
  /** Nothing is known of it, because the trial could not be made. */
  readonly isUntried?: boolean | undefined;
  /** Whether the sandboxes that agents bring themselves work inside. */
  readonly nests: boolean;
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
    if (rules.mode === "off") return unconfined(spec, withoutSandbox);
    if (rules.mode === "external") return unconfined(spec, external);
    const choice = await this.#choose(spec.label, policy);
    if (!choice) return unconfined(spec, withoutSandbox);

    const home = this.#homeFor(spec.label, policy);
    const logins = this.#loginsOf(policy, { home, env: spec.env });
    const reach = reachOf({ spec, policy, home, around: this.#parts.around });
    const opened = openFolders(foldersToHold(reach, home));
    try {
      const inside = {
        ...spec,
        cwd: reach.cwd,
        env: {
          ...(choice.nests ? {} : withoutOwnSandbox(policy.profile.family)),
          ...environmentInside(spec.env, { reach, home, userHome: this.#parts.around.home }),
        },
      };
      const { toolSockets, network } = policy;
      const wrap = (program: LaunchSpec): Wrapped =>
        choice.wrap({ spec: program, reach, toolSockets, opened: opened.byPath });
      return {
        ...(Array.isArray(network) && choice.network === "own" ? wrapThroughProxy(inside, wrap) : wrap(inside)),
        confinement: choice.confinement,
        unreached: unreached(spec.args, { policy, reach, mechanism: choice.confinement.mechanism }),
        isOffline: network === "none" && choice.network !== "open",
        started: () => opened.close(),
        release: async () => logins.end(),
      };
    } catch (error) {
      opened.close();
      logins.end();
      throw error;
    }
  }

  /** What would hold an agent under this policy. Rejects with CRU_SANDBOX_UNAVAILABLE. */
  async foresee(label: string, policy: ForeseenPolicy): Promise<Confinement> {
    const { rules } = policy;
    if (rules.mode === "off") return withoutSandbox;
    if (rules.mode === "external") return external;
    requireHoldable(label, policy.directories);
    return (await this.#choose(label, policy))?.confinement ?? withoutSandbox;
  }

  /** Every mechanism of this system after its trial, the strongest first. */
  trials(): Promise<Trial[]> {
    return Promise.all(ofThisSystem.map((kind) => this.#trialOf(kind)));
  }

  /** The strongest that holds, with what it holds; undefined if none does and none is asked for. Rejects as `confine` does. */
  async #choose(label: string, policy: ForeseenPolicy): Promise<Choice | undefined> {
    const { mode, accept } = policy.rules;
    const candidates = mode === "auto" ? ofThisSystem : mechanisms.filter(({ name }) => name === mode);
    const refused: Refused[] = [];
    for (const kind of candidates) {
      const confinement = this.#confinement(kind, policy);
      if (mode === "auto" && order.indexOf(confinement.strength) < order.indexOf(accept)) {
        refused.push({
          kind,
          problem: `it is ${confinement.strength}: it does not hold ${listed(confinement.lost, "and")}`,
        });
        continue;
      }
      const { wrap, nests, isUntried, problem = "it does not hold" } = await this.#trialOf(kind);
      if (isUntried) throw this.#unwritable(label, `its sandbox cannot be tried (${problem})`);
      if (wrap) return { wrap, confinement, network: kind.network, nests };
      refused.push({ kind, problem });
    }
    if (mode === "auto" && accept === "advisory") return undefined;
    throw unavailable(label, policy.rules, refused);
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
    if (typeof wrap === "string") return { kind, wrap: undefined, problem: wrap, nests: false };
    const { problem, bwrapInside, isUntried } = await tryMechanism(
      stateDirectory,
      (spec, inside) =>
        wrap({ spec, reach: trialReach(inside, stateDirectory), toolSockets: undefined, opened: new Map() }).spec,
    );
    // It may have failed for want of space or time, and is tried again the next time it is needed.
    if (problem !== undefined) this.#trials.delete(kind.name);
    const nests = kind.nesting === "tried" ? bwrapInside : kind.nesting === "yes";
    return { kind, wrap: problem === undefined ? wrap : undefined, problem, isUntried, nests };
  }

  #homeFor(label: string, { rules, profile, readable, writable }: SandboxPolicy): string {
    const { stateDirectory, around } = this.#parts;
    if (rules.home === "real") return around.home;
    const opened = [...readable, ...writable, ...profile.configDirs];
    try {
      return privateHome({ stateDirectory, profile: profile.name, home: around.home, opened });
    } catch (cause) {
      if (!isSystemError(cause, "ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EIO", "EEXIST", "ENOTDIR"))
        throw cause;
      throw this.#unwritable(label, `its home cannot be made (${messageOf(cause)})`);
    }
  }

  #unwritable(label: string, what: string): Error {
    const hint = `make ${this.#parts.stateDirectory} writable, or free space on its disk`;
    return agentStart.create(`${label} was not started: ${what}`, { hint });
  }

  /** Brings logins in, and what is refreshed back, until `end`. */
  #loginsOf({ rules, profile }: SandboxPolicy, inside: { home: string; env: Environment }): { end(): void } {
    if (rules.home === "real") return { end: () => {} };
    const { around, onWarning } = this.#parts;
    const { home, env } = inside;
    const userHome = env["HOME"] ?? around.home;
    const reasons = new Map<string, string>();
    const place = { family: profile.family, userHome, env, privateHome: home, onWarning, reasons };
    const exchange = (): void => exchangeLogins(place);
    exchange();
    const timer = setInterval(exchange, loginCheckMs);
    timer.unref();
    return {
      end() {
        clearInterval(timer);
        exchange();
      },
    };
  }

  #confinement({ name, strength, lost, network: held }: MechanismKind, policy: ForeseenPolicy): Confinement {
    const { home, hidden } = this.#parts.around;
    const { rules, directories, network } = policy;
    const opened = [
      ...(rules.home === "real" ? ["the user's whole home, which `home` opens"] : []),
      ...(directories.some((directory) => isInside(directory, home))
        ? ["the user's whole home, which is the kiln"]
        : []),
      ...(network !== "open" && held === "open" ? ["the network, which [kiln] closes"] : []),
    ];
    return {
      mechanism: name,
      strength: opened.length > 0 ? "partial" : strength,
      lost: [...lost(hidden()), ...opened],
    };
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

function trialReach(inside: string, stateDirectory: string): Reach {
  return {
    writable: [inside],
    readable: [],
    hidden: [{ path: realPathOf(stateDirectory) ?? stateDirectory, isFolder: true }],
    links: [],
    readOnlyKiln: [],
    cwd: inside,
    folders: [],
    network: "open",
  };
}

function unconfined(spec: LaunchSpec, confinement: Confinement): Confined {
  return {
    spec,
    confinement,
    unreached: [],
    isOffline: false,
    toolSockets: undefined,
    started: () => {},
    release: async () => {},
  };
}

function unavailable(label: string, { mode, accept }: SandboxRules, refused: readonly Refused[]): Error {
  const tried = refused.map(({ kind, problem }) => `${kind.name} (${problem})`).join(", ");
  const wanted = mode === "auto" ? `sandbox that is at least ${accept}` : `sandbox of ${mode}`;
  return sandboxUnavailable.create(`${label} was not started: no ${wanted} holds here; tried ${tried || "nothing"}`, {
    hint: [
      ...refused.map(({ kind }) => kind.remedy),
      'if a container around Crucible is the boundary, set `mode = "external"` under [sandbox]; to run agents without one, set ' +
        '`accept = "advisory"` or `mode = "off"`',
    ].join("; "),
    details: { tried: refused.map(({ kind, problem }) => ({ mechanism: kind.name, problem })) },
  });
}
