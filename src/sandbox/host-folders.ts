/**
 * What of a Linux system every program needs: its libraries and tools, and how it looks up names, users, time and
 * certificates. Found by trying real agents; anything else in /etc, /var or /sys they do without.
 */
import { lstatSync, readlinkSync } from "node:fs";
import type { Link } from "./confinement.ts";
import { realPathOf } from "./real-paths.ts";

/** Folders of programs and libraries. */
const programFolders = ["/usr", "/opt", "/nix/store", "/gnu/store", "/run/current-system", "/snap"];

/** On today's systems links into /usr, on others folders. */
const rootFolders = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

const settings = [
  "alternatives",
  "bash.bashrc",
  "ca-certificates",
  "crypto-policies",
  "fonts",
  "gai.conf",
  "gitconfig",
  "group",
  "host.conf",
  "hosts",
  "inputrc",
  "ld.so.cache",
  "ld.so.conf",
  "ld.so.conf.d",
  "localtime",
  "mime.types",
  "nsswitch.conf",
  "passwd",
  "pki",
  "profile",
  "profile.d",
  "protocols",
  "resolv.conf",
  "services",
  "ssl",
  "static",
  "terminfo",
  "timezone",
].map((name) => `/etc/${name}`);

export interface HostFolders {
  /** `path` as it is named, `source` where it really lies: /etc/resolv.conf is often a link into /run, which is not there. */
  readonly readable: readonly { readonly path: string; readonly source: string }[];
  readonly links: readonly Link[];
}

/** Those that this machine has. */
export function hostFolders(): HostFolders {
  const readable: { path: string; source: string }[] = [];
  const links: Link[] = [];
  for (const path of [...programFolders, ...settings]) {
    const source = realPathOf(path);
    if (source !== undefined) readable.push({ path, source });
  }
  for (const path of rootFolders) {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isSymbolicLink()) links.push({ path, target: readlinkSync(path) });
    else if (stats) readable.push({ path, source: path });
  }
  return { readable, links };
}
