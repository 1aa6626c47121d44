/**
 * The command line of bubblewrap for a reach: an empty root into which only what is needed is mounted, in namespaces of its
 * own for processes, IPC, users and (if the network is closed) the network. Text only; nothing is looked at or started.
 * What is mounted comes in the order of its depth, so that nothing hides what lies within it.
 */
import { isInside } from "../base/paths.ts";
import type { Hidden, Link, Reach } from "./confinement.ts";
import type { HostFolders } from "./host-folders.ts";
import { depthOf, foldersBetween } from "./real-paths.ts";

/** Space of /tmp, /run and /dev/shm inside, of each, in bytes; it is memory of the machine. */
export const maxTemporaryBytes = 1024 * 1024 * 1024;

/** Inside they are kept in the machine's memory. */
export const temporaryFolders = ["/tmp", "/run", "/dev/shm"] as const;

/** What a version of bubblewrap can do, by its own help. */
export interface BwrapAbilities {
  /** `--size`, since 0.7. */
  readonly size: boolean;
  /** `--bind-fd`. */
  readonly bindDescriptor: boolean;
}

export interface BwrapRequest {
  readonly reach: Reach;
  readonly host: HostFolders;
  readonly abilities: BwrapAbilities;
  /** Runs as root: then it must give up root's capabilities, and what belongs to root in /proc must not be writable. */
  readonly asRoot: boolean;
  /** Directories that were opened and checked, by path: mounted as they were then, whatever stands there now. */
  readonly opened: ReadonlyMap<string, number>;
  readonly toolSockets: string | undefined;
}

/** Where the sockets of an agent's tools are inside. */
export const toolSocketFolder = "/run/crucible";

const namespaces = [
  "--unshare-user",
  "--unshare-pid",
  "--unshare-ipc",
  "--unshare-uts",
  "--unshare-cgroup-try",
  "--die-with-parent",
  "--new-session",
];

/** As root these are writable by their owner, whatever namespace he is in. */
const rootsOwnInProc = ["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/acpi", "/proc/scsi"];

interface Mount {
  readonly path: string;
  /** Nothing of the host's is in it. */
  readonly isEmpty?: boolean;
  /** Memory of the machine without a limit of its own: nothing is written to it once all is mounted. */
  readonly isSealed?: boolean;
  readonly words: readonly string[];
}

/** Everything before the command, which follows behind `--`. */
export function bwrapArguments(request: BwrapRequest): string[] {
  const { reach, host, asRoot } = request;
  const mounts = [
    ...systemMounts(request),
    ...reachMounts(request),
    ...reach.hidden.flatMap((one) => cover(one, reach)),
  ];
  return [
    ...namespaces,
    ...(reach.network === "open" ? [] : ["--unshare-net"]),
    ...(asRoot ? ["--cap-drop", "ALL"] : []),
    ...mounts.toSorted((a, b) => depthOf(a.path) - depthOf(b.path)).flatMap(({ words }) => words),
    ...usefulLinks([...host.links, ...reach.links], mounts).flatMap(({ path, target }) => ["--symlink", target, path]),
    ...mounts.filter(({ isSealed }) => isSealed).flatMap(({ path }) => ["--remount-ro", path]),
    "--remount-ro",
    "/",
    "--chdir",
    reach.cwd,
  ];
}

function systemMounts({ host, asRoot, abilities, toolSockets }: BwrapRequest): Mount[] {
  const size = abilities.size ? ["--size", String(maxTemporaryBytes)] : [];
  return [
    ...host.readable.map(({ path, source }) => ({ path, words: ["--ro-bind", source, path] })),
    {
      path: "/proc",
      words: ["--proc", "/proc", ...(asRoot ? rootsOwnInProc.flatMap((path) => ["--ro-bind-try", path, path]) : [])],
    },
    { path: "/dev", words: ["--dev", "/dev", ...size, "--tmpfs", "/dev/shm"], isSealed: true },
    { path: "/tmp", isEmpty: true, words: [...size, "--tmpfs", "/tmp"] },
    { path: "/run", isEmpty: true, words: [...size, "--tmpfs", "/run"] },
    ...(toolSockets === undefined
      ? []
      : [{ path: toolSocketFolder, words: ["--ro-bind", toolSockets, toolSocketFolder] }]),
  ];
}

function reachMounts({ reach, opened, abilities }: BwrapRequest): Mount[] {
  const mount = (path: string, kind: "" | "ro-"): Mount => {
    const descriptor = abilities.bindDescriptor ? opened.get(path) : undefined;
    return {
      path,
      words: descriptor === undefined ? [`--${kind}bind`, path, path] : [`--${kind}bind-fd`, String(descriptor), path],
    };
  };
  return [
    ...reach.folders.map((path) => ({ path, isEmpty: true, words: ["--dir", path] })),
    ...reach.readable.map((path) => mount(path, "ro-")),
    ...reach.writable.map((path) => mount(path, "")),
  ];
}

/** Links that do not stand in something mounted, where they are already. */
function usefulLinks(links: readonly Link[], mounts: readonly Mount[]): Link[] {
  const byPath = new Map(links.map((link) => [link.path, link]));
  const full = mounts.filter(({ isEmpty }) => !isEmpty);
  return [...byPath.values()].filter(({ path }) => !full.some((mount) => isInside(mount.path, path)));
}

/**
 * Puts nothing over a path that lies within what is mounted. The folders above it are mounted onto themselves, since a mount
 * cannot be renamed, and whoever renames a folder takes what is hidden in it to where it can be found.
 */
function cover({ path, isFolder }: Hidden, { writable, readable }: Reach): Mount[] {
  const around = [...writable, ...readable].filter((one) => isInside(one, path));
  const nearest = around.toSorted((a, b) => depthOf(b) - depthOf(a))[0];
  if (nearest === undefined) return [];
  const pinned = writable.includes(nearest) && nearest !== path ? foldersBetween(nearest, path) : [];
  return [
    ...pinned.map((folder) => ({ path: folder, words: ["--bind", folder, folder] })),
    { path, words: isFolder ? ["--tmpfs", path] : ["--ro-bind", "/dev/null", path], isSealed: isFolder },
  ];
}
