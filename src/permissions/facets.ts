/**
 * A deed in the form in which rules look at it: one facet for each kind of thing it touches, with every name that these things
 * may be known by. Where a session's kiln lies decides how its rules call a path, so each session of a lineage has facets of its own.
 */
import { isAbsolute, relative, sep } from "node:path";
import { absolutePath, maxNamedThings, type CommandText, type Deed, type NamedPath } from "./deed.ts";
import type { Word } from "./simple-commands.ts";
import { isPathKind, type PathKind, type ToolKind } from "./tool-kinds.ts";

export interface Facet {
  /** Rules of these kinds look at it; where there are none it is only there for those that deny or ask. */
  readonly kinds: readonly ToolKind[];
  /** Deny and ask rules of these kinds do so, too: who must not edit a file must not delete it. */
  readonly guardedBy: readonly ToolKind[];
  /** What an allow rule has to fit: each of these things, by any of its spellings. */
  readonly proper: readonly (readonly string[])[];
  /** Further names that a deny or ask rule may fit. */
  readonly suspected: readonly string[];
  /** Beginnings of names whose rest is not known: a deny or ask rule that may fit one of these is asked about. */
  readonly beginnings?: readonly string[];
  /** More may be done than the names tell. */
  readonly unclear: boolean;
}

/** What paths are called by the rules of one session. */
export interface Places {
  /** The session's directories. Absolute; with their real paths, where links lead to them. */
  readonly own: readonly string[];
  /** Those of every session of the lineage. */
  readonly all: readonly string[];
  /** The directory that the paths in a command count from. */
  readonly cwd: string;
  /** Where a path really leads. */
  readonly real: (path: string) => string;
  /** A path in a worktree, and what it stands for in the checkouts of those above; of any other path, itself alone. */
  readonly counterparts: (path: string) => readonly string[];
}

export function facetsOf(deed: Deed, places: Places): Facet[] {
  const facets: Facet[] = [];
  if (deed.commands.length > 0 || deed.kind === "execute") {
    const command = commandFacet(deed.commands);
    facets.push(
      deed.kind === "execute" ? command : { ...command, kinds: [], guardedBy: ["execute"], proper: [] },
      ...redirectionFacets(deed.commands, places),
    );
  }
  const pathKinds = new Set(deed.paths.map(({ kind }) => kind));
  if (isPathKind(deed.kind)) pathKinds.add(deed.kind);
  for (const kind of pathKinds) {
    facets.push(pathFacet(kind, { paths: deed.paths.filter((path) => path.kind === kind), title: deed.title, places }));
  }
  if (deed.kind === "fetch" || deed.addresses.length > 0) facets.push(addressFacet(deed));
  return facets.length > 0 ? facets : [toolFacet(deed)];
}

function commandFacet(commands: readonly CommandText[]): Facet {
  const names = commands.flatMap((command) => command.names);
  return {
    kinds: ["execute"],
    guardedBy: [],
    proper: names.map(({ proper }) => (proper === undefined ? [] : [proper])),
    suspected: [
      ...names.flatMap(({ suspected }) => suspected),
      ...commands.flatMap(({ text }) => [text, text.replace(/\s+/g, " ")]),
    ],
    beginnings: names.flatMap(({ beginnings }) => beginnings),
    unclear: names.length === 0 || names.some(({ unclear }) => unclear) || commands.some(({ line }) => line.unclear),
  };
}

/** `> out.txt` writes a file, whatever the command may. */
function redirectionFacets(commands: readonly CommandText[], places: Places): Facet[] {
  const lines = commands.map(({ line }) => line);
  // Where a line goes somewhere else first, paths count from there.
  const moves = lines.some(({ commands: parts }) =>
    parts.some(({ words: [word] }) => /^(cd|pushd|popd)$/.test(word?.text ?? "")),
  );
  const facet = (kind: PathKind, words: readonly Word[]): Facet[] => {
    if (words.length === 0) return [];
    const paths = words.map(({ text }) => ({ kind, path: absolutePath(text, places.cwd) }));
    const known = pathFacet(kind, { paths, title: "", places });
    return [
      moves || words.some(({ dynamic, isPattern }) => dynamic || isPattern)
        ? { ...known, proper: [], unclear: true }
        : known,
    ];
  };
  return [
    ...facet(
      "read",
      lines.flatMap(({ reads }) => reads),
    ),
    ...facet(
      "edit",
      lines.flatMap(({ writes }) => writes),
    ),
  ];
}

const guards: Readonly<Record<PathKind, readonly ToolKind[]>> = {
  read: [],
  edit: [],
  search: ["read"],
  delete: ["edit"],
  move: ["edit"],
};

interface PathsAsked {
  paths: readonly NamedPath[];
  title: string;
  places: Places;
}

function pathFacet(kind: PathKind, { paths, title, places }: PathsAsked): Facet {
  const named = paths.map(({ path }) => path);
  const everyName = [...new Set(named.flatMap((path) => [path, places.real(path)]))];
  return {
    kinds: [kind],
    guardedBy: guards[kind],
    proper: everyName.map((path) => places.counterparts(path).flatMap((one) => spellings(one, places.own))),
    // Without its first slash, so that `**/.env` finds a file outside as well.
    suspected: [
      ...everyName
        .flatMap((path) => places.counterparts(path))
        .flatMap((path) => [...spellings(path, places.all), path.replace(/^\/+/, "")]),
      ...(named.length === 0 ? [title] : []),
    ],
    unclear: named.length === 0 || named.length > maxNamedThings,
  };
}

/** Absolute, and as it is called from within each of the directories that hold it; `.` is the directory itself. */
function spellings(path: string, directories: readonly string[]): string[] {
  const inside = directories
    .map((directory) => relative(directory, path))
    .filter((steps) => steps !== ".." && !steps.startsWith(`..${sep}`) && !isAbsolute(steps));
  return [path, ...inside.map((steps) => (steps === "" ? "." : steps.replaceAll(sep, "/")))];
}

function addressFacet({ addresses, title }: Deed): Facet {
  return {
    kinds: ["fetch"],
    guardedBy: [],
    proper: addresses.length > 0 ? addresses.map((address) => [address, ...hostsOf(address)]) : [[title]],
    suspected: [title],
    unclear: false,
  };
}

/** `example.com`, and `example.com:8443` where a port is named. */
function hostsOf(address: string): string[] {
  if (!URL.canParse(address)) return [];
  const { host, hostname } = new URL(address);
  return [...new Set([host, hostname])];
}

// A tool of no known kind is looked at by rules for MCP tools, and by those for all else.
function toolFacet({ kind, tools, title }: Deed): Facet {
  const kinds: ToolKind[] = kind === "mcp" || tools.length > 0 ? ["mcp"] : ["mcp", "other"];
  return {
    kinds,
    guardedBy: ["other"],
    proper: [tools.length > 0 ? tools : [title]],
    suspected: [title],
    unclear: tools.length === 0 && title === "",
  };
}
