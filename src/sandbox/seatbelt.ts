/**
 * Seatbelt (macOS, `sandbox-exec`): a profile in its own language. Written after the profiles that others publish, and not run
 * on a Mac yet: experimental, and therefore never called more than partial. Agents' own sandboxes cannot nest in it.
 */
import { existsSync } from "node:fs";
import { isInside } from "../base/paths.ts";
import type { Reach } from "./confinement.ts";
import type { MechanismKind } from "./mechanism.ts";

const program = "/usr/bin/sandbox-exec";

export const seatbelt: MechanismKind = {
  name: "seatbelt",
  platform: "darwin",
  strength: "partial",
  lost: () => [
    "what nobody has tried yet: this mechanism is experimental",
    "names and times of files outside",
    "other processes of the user, which can be seen",
    "processes that leave the agent's tree, which may outlive it",
  ],
  network: "closed",
  nesting: "no",
  remedy: "`sandbox-exec` is a part of macOS",
  async prepare() {
    if (process.platform !== "darwin") return "it exists on macOS only";
    if (!existsSync(program)) return `${program} is not there`;
    return ({ spec, reach, toolSockets }) => ({
      spec: {
        ...spec,
        command: program,
        args: ["-p", seatbeltProfile(reach, toolSockets), spec.command, ...spec.args],
      },
      toolSockets,
    });
  },
};

const systemFolders = [
  "/usr",
  "/bin",
  "/sbin",
  "/System",
  "/Library",
  "/opt",
  "/private/etc",
  "/private/var/db",
  "/private/var/select",
];

/** Shared by all programs of the user. */
const temporaryFolders = ["/private/tmp", "/private/var/folders", "/dev"];

/** Of several rules that fit, the last one counts. */
export function seatbeltProfile(reach: Reach, toolSockets: string | undefined): string {
  const sockets = toolSockets === undefined ? [] : [toolSockets];
  const hidden = reach.hidden.map(({ path }) => path);
  const within = (path: string): boolean => hidden.some((one) => isInside(one, path));
  const writable = [...temporaryFolders, ...reach.writable];
  const inHidden = {
    read: [...reach.readable, ...reach.writable, ...sockets].filter(within),
    write: reach.writable.filter(within),
  };
  return [
    "(version 1)",
    "(deny default)",
    "(allow process-exec process-fork)",
    "(allow signal (target same-sandbox))",
    "(allow sysctl-read mach-lookup ipc-posix-shm file-read-metadata pseudo-tty)",
    rule("allow file-read*", [...systemFolders, ...reach.readable, ...writable, ...sockets]),
    rule("allow file-write*", writable),
    rule("deny file-read* file-write*", hidden),
    rule("allow file-read*", inHidden.read),
    rule("allow file-write*", inHidden.write),
    reach.network === "open" ? "(allow network*)" : rule("allow network-outbound", sockets),
    "",
  ]
    .filter((line) => line !== undefined)
    .join("\n");
}

function rule(verdict: string, paths: readonly string[]): string | undefined {
  return paths.length === 0 ? undefined : `(${verdict} ${paths.map((path) => `(subpath ${quoted(path)})`).join(" ")})`;
}

function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
