/** What a program does to files by itself, without asking anybody. */
import {
  appendFileSync,
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";

export const rawOps = {
  read: ({ path }) => readFileSync(path, "utf8"),
  list: ({ path }) => readdirSync(path),
  stat: ({ path }) => statSync(path).size,

  write({ path, text }) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  },
  append: ({ path, text }) => appendFileSync(path, text),
  truncate: ({ path }) => truncateSync(path),
  remove: ({ path }) => rmSync(path, { recursive: true }),
  chmod: ({ path }) => chmodSync(path, 0o777),
  touch: ({ path }) => utimesSync(path, 0, 0),
  move: ({ from, to }) => renameSync(from, to),

  readThroughLink({ link, target }) {
    rmSync(link, { force: true });
    symlinkSync(target, link);
    return readFileSync(link, "utf8");
  },
  writeThroughLink({ link, target, text }) {
    rmSync(link, { force: true });
    symlinkSync(target, link);
    writeFileSync(link, text);
  },
  readThroughHardLink({ link, target }) {
    rmSync(link, { force: true });
    linkSync(target, link);
    return readFileSync(link, "utf8");
  },

  /** A folder of its own that is renamed away, with a link in its place; gives what lies behind it. */
  swapFolder({ folder, target, read }) {
    renameSync(folder, `${folder}.away`);
    try {
      symlinkSync(target, folder);
      return readFileSync(join(folder, read), "utf8");
    } finally {
      rmSync(folder, { force: true });
      renameSync(`${folder}.away`, folder);
    }
  },

  /** Everything below a folder that can be read, as far as it goes. */
  readAll({ path, depth = 3 }) {
    const found = [];
    collect(path, depth, found);
    return found.join("\n");
  },

  /** Descriptors that came along from whoever started this, and what can be reached through those that are folders. */
  inheritedDescriptors() {
    const found = [];
    for (const name of readdirSync("/proc/self/fd")) {
      if (Number(name) <= 2) continue;
      const link = attempt(() => readlinkSync(`/proc/self/fd/${name}`)) ?? "";
      found.push(`${name} -> ${link}`);
      const isFolder = attempt(() => statSync(`/proc/self/fd/${name}`).isDirectory());
      if (isFolder) collect(`/proc/self/fd/${name}`, 2, found);
    }
    return found.join("\n");
  },

  /** Its own login becomes something else, in the hope that it is brought back. */
  plantLogin({ path, target, how }) {
    const file = path.replace(/^~/, process.env.HOME);
    mkdirSync(dirname(file), { recursive: true });
    rmSync(file, { force: true });
    if (how === "symlink") symlinkSync(target, file);
    else if (how === "hardlink") linkSync(target, file);
    else {
      rmSync(dirname(file), { recursive: true, force: true });
      symlinkSync(dirname(target), dirname(file));
    }
  },
};

const maxFiles = 400;
const maxRead = 4 * 1024 * 1024;

function collect(path, depth, found) {
  const names = attempt(() => readdirSync(path)) ?? [];
  for (const name of names) {
    if (found.length > maxFiles) return;
    const at = join(path, name);
    const facts = attempt(() => lstatSync(at));
    if (facts?.isDirectory() && depth > 0) collect(at, depth - 1, found);
    else if (facts?.isFile()) found.push(`${basename(at)}: ${attempt(() => beginning(at)) ?? "(not readable)"}`);
  }
}

function beginning(path) {
  const descriptor = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(maxRead);
    return bytes.toString("latin1", 0, readSync(descriptor, bytes, 0, maxRead, 0));
  } finally {
    closeSync(descriptor);
  }
}

/** Undefined for what the system refuses: the next thing is tried then. */
export function attempt(work) {
  try {
    return work();
  } catch {
    return undefined;
  }
}
