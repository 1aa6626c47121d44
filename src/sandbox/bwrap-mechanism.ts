/** bubblewrap on this machine (Linux): where it is, what its version can do, and a launch inside of it. */
import { accessSync, constants } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { isInside, type Environment } from "../base/paths.ts";
import type { LaunchSpec } from "../process/child.ts";
import { markerVariable } from "../process/marker.ts";
import { runToEnd } from "../process/run.ts";
import { spawnFailure } from "../process/spawn-failure.ts";
import { bwrapArguments, temporaryFolders, toolSocketFolder, type BwrapAbilities } from "./bwrap.ts";
import type { Reach } from "./confinement.ts";
import { asFirstProcess } from "./first-process.ts";
import { hostFolders } from "./host-folders.ts";
import type { MechanismKind, Wrap, WrapRequest } from "./mechanism.ts";
import { systemCallFilter } from "./system-call-filter.ts";

/** The outer process waits for the first one in the new namespace, which waits for the agent. */
const layers = 2;

/** The first descriptor behind stdin, stdout and stderr. */
const firstDescriptor = 3;

export const bwrap: MechanismKind = {
  name: "bwrap",
  platform: "linux",
  strength: "full",
  lost: () => [],
  network: "own",
  nesting: "tried",
  remedy:
    "install bubblewrap (`apt install bubblewrap`, `dnf install bubblewrap`) and allow user namespaces: on Ubuntu 24.04 and " +
    "later bwrap needs an AppArmor profile, and containers with Docker's default profile forbid them",
  async prepare(env) {
    if (process.platform !== "linux") return "it exists on Linux only";
    const program = programOnPath("bwrap", env);
    if (program === undefined) return "bwrap is not installed";
    const abilities = await abilitiesOf(program, env);
    return wrapWith(program, abilities);
  },
};

function wrapWith(program: string, abilities: BwrapAbilities): Wrap {
  return ({ spec, reach, toolSockets, opened }: WrapRequest) => {
    const numbers = new Map([...opened.keys()].map((path, at) => [path, firstDescriptor + at]));
    const options = bwrapArguments({
      reach,
      toolSockets,
      abilities,
      host: hostFolders(),
      asRoot: process.getuid?.() === 0,
      opened: abilities.bindDescriptor ? numbers : new Map(),
    });
    const descriptors = abilities.bindDescriptor ? [...opened.values()] : [];
    const inputs = [...descriptors, systemCallFilter(), variablesInside(spec)];
    const [filter, variables] = [inputs.length - 2, inputs.length - 1].map((at) => String(firstDescriptor + at));
    const handedOver = ["--seccomp", filter!, "--args", variables!];
    return {
      spec: {
        ...spec,
        command: program,
        args: [...options, ...handedOver, "--as-pid-1", "--", ...asFirstProcess(spec.command, spec.args)],
        // It runs outside: what an agent set there, such as LD_PRELOAD, would have it run anything before there is a sandbox.
        env: {},
        // The outer process stands where nothing of the agent's is; inside, it changes to the agent's own directory.
        cwd: "/",
        sandbox: { mechanism: "bwrap", layers, memoryFolders: memoryFoldersIn(reach), inputs },
      },
      toolSockets: toolSockets && toolSocketFolder,
    };
  };
}

/** Those of the machine's own, where the configuration opens them, have other things in them as well. */
function memoryFoldersIn({ readable, writable }: Reach): string[] {
  return temporaryFolders.filter((folder) => ![...readable, ...writable].some((one) => isInside(one, folder)));
}

/** Options that set the environment of what runs inside: read from a descriptor, since everybody can see arguments. */
function variablesInside(spec: LaunchSpec): Buffer {
  // The mark is what it was started with.
  const own = Object.entries(spec.env).filter(([name]) => name !== markerVariable);
  const words = own.flatMap(([name, value]) => ["--setenv", name, value]);
  // It ends a word there, and what follows would be an option.
  if (words.some((word) => word.includes("\0"))) throw spawnFailure(spec, new TypeError("a variable has a zero in it"));
  return Buffer.from(words.map((word) => `${word}\0`).join(""));
}

async function abilitiesOf(program: string, env: Environment): Promise<BwrapAbilities> {
  const spec = { label: "bwrap", command: program, args: ["--help"], env: { PATH: env["PATH"] ?? "" }, cwd: "/" };
  const { stdout, stderr } = await runToEnd(spec, { timeoutMs: 15_000 });
  const help = stdout + stderr;
  return { size: /^\s+--size\s/m.test(help), bindDescriptor: /^\s+--bind-fd\s/m.test(help) };
}

function programOnPath(name: string, env: Environment): string | undefined {
  const folders = [...(env["PATH"] ?? "").split(delimiter), "/usr/bin", "/usr/local/bin", "/bin"];
  return folders
    .filter(isAbsolute)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
