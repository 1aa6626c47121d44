/**
 * Landlock (Linux): a small program takes rights to files from itself and then becomes the agent. Needs no namespaces, so it
 * works in containers where bubblewrap cannot; it holds files only, and is called partial.
 */
import { existsSync } from "node:fs";
import { grantArgs, launcherPath, probe } from "@deepseek-ai/node-addon-landlock-run";
import { isInside } from "../base/paths.ts";
import type { LaunchSpec } from "../process/child.ts";
import type { Reach } from "./confinement.ts";
import type { HostFolders } from "./host-folders.ts";
import { hostFolders } from "./host-folders.ts";
import type { MechanismKind } from "./mechanism.ts";

export const landlock: MechanismKind = {
  name: "landlock",
  platform: "linux",
  strength: "partial",
  lost: (hidden) => [
    ...sharedFolders(hidden).map((folder) => `the machine's ${folder}, which all share`),
    "unix sockets that belong to the user",
    "the kernel's key rings",
    "names, times and modes of files outside",
    "other processes of the user, which can be seen and signalled",
    "processes that leave the agent's tree, which may outlive it",
  ],
  network: "open",
  nesting: "yes",
  remedy: "Landlock needs Linux 5.13 or later, switched on in the kernel (`lsm=` of its command line)",
  async prepare() {
    if (process.platform !== "linux") return "it exists on Linux only";
    const launcher = launcherPath();
    if (probe(launcher) === "unusable") return "the kernel does not enforce it, or its program is not installed";
    return ({ spec, reach, toolSockets }) => {
      const grants = landlockGrants(reach, hostFolders(), toolSockets);
      return {
        spec: {
          ...spec,
          command: launcher,
          args: [...grantArgs(grants), "--", spec.command, ...spec.args],
          env: { ...(grants.readWrite.includes("/tmp") ? {} : temporariesAtHome(spec.env)), ...spec.env },
        },
        toolSockets,
      };
    };
  },
};

function temporariesAtHome({ HOME }: LaunchSpec["env"]): Record<string, string> {
  return HOME === undefined ? {} : { TMPDIR: HOME };
}

/** Folders for temporary files that all share, but for one in which Crucible keeps what is its own. */
function sharedFolders(hidden: Reach["hidden"]): string[] {
  return ["/tmp", "/var/tmp"].filter((folder) => !hidden.some(({ path }) => isInside(folder, path)));
}

/** What may be read, and what may be written as well; only what exists can be granted. */
export function landlockGrants(
  reach: Reach,
  host: HostFolders,
  toolSockets: string | undefined,
): { readOnly: string[]; readWrite: string[] } {
  const readWrite = ["/dev", ...sharedFolders(reach.hidden), ...reach.writable].filter(existsSync);
  const readOnly = [
    ...host.readable.map(({ source }) => source),
    ...host.links.map(({ path }) => path),
    "/proc",
    "/sys",
    ...reach.readable,
    reach.cwd,
    ...(toolSockets === undefined ? [] : [toolSockets]),
  ].filter((path) => existsSync(path) && !readWrite.some((one) => isInside(one, path)));
  return { readOnly: [...new Set(readOnly)], readWrite };
}
