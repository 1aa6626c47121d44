/**
 * What a permission question is about, read out of the words of very different agents (ACP, "Requesting Permission"): the
 * command, the paths, the addresses, the tool. Everything that the question or the tool call before it names is gathered;
 * nothing is decided here.
 */
import { resolve } from "node:path";
import { isRecord } from "../acp/wire.ts";
import { homeDirectory } from "../base/paths.ts";
import { parseCommandLine } from "./command-line.ts";
import { namesOf, type CommandNames } from "./command-names.ts";
import { canonicalToolName } from "./patterns.ts";
import { argumentVector, type CommandLine } from "./simple-commands.ts";
import { isPathKind, type PathKind } from "./tool-kinds.ts";

export interface Deed {
  /** As the agent named it (ACP, "Tool Calls"); `mcp` where it is the tool of an MCP server for certain. */
  readonly kind: string;
  readonly title: string;
  readonly commands: readonly CommandText[];
  readonly paths: readonly NamedPath[];
  /** URLs, in one spelling. */
  readonly addresses: readonly string[];
  /** Names of the MCP tool, if it says any: `server_tool`, and `tool` alone where the server's part is known. */
  readonly tools: readonly string[];
}

export interface CommandText {
  readonly text: string;
  readonly line: CommandLine;
  /** Of each command in it. */
  readonly names: readonly CommandNames[];
}

export interface NamedPath {
  readonly kind: PathKind;
  /** Absolute, without `..`. */
  readonly path: string;
}

/** Things of one sort that one request may name; with more of them it counts as unclear. */
export const maxNamedThings = 1000;

export interface DeedContext {
  cwd: string;
  /** Names of the MCP servers the session was given. */
  servers: readonly string[];
  /** What was told of the same tool call before (`session/update`), put together. */
  known: Readonly<Record<string, unknown>>;
}

export function deedOf(question: unknown, { cwd, servers, known }: DeedContext): Deed {
  const asked = isRecord(question) ? question : {};
  const call = isRecord(asked["toolCall"]) ? asked["toolCall"] : {};
  const calls = [call, known];
  const title = firstText(calls.map((one) => one["title"])) ?? "";
  const said = firstText(calls.map((one) => one["kind"])) ?? "other";
  const inputs = calls.map((one) => one["rawInput"]).filter(isRecord);
  const tools = toolNames({ calls, asked, inputs, servers });
  const commands = inputs.flatMap(commandsIn);

  // Codex asks for MCP tools as if they were commands, and says only in passing what they are.
  const isToolApproval = isRecord(asked["_meta"]) && asked["_meta"]["is_mcp_tool_approval"] === true;
  const isTool = said === "execute" && commands.length === 0 && isToolApproval && known["kind"] !== "execute";
  const pathKind = isPathKind(said) ? said : undefined;
  // What names a command is one, whatever its agent calls it; a tool of a server may take any argument.
  const isCommand = !pathKind && commands.length > 0 && tools.length === 0;
  const kind = isTool ? "mcp" : isCommand ? "execute" : said;
  return {
    kind,
    title,
    commands: distinct(commandsOf(kind, { commands, title })),
    paths: [
      ...(pathKind
        ? [...locationsIn(calls), ...inputs.flatMap(pathsIn)].map((path) => ({
            kind: pathKind,
            path: absolutePath(path, cwd),
          }))
        : []),
      ...diffsIn(calls).map((path) => ({ kind: pathKind ?? ("edit" as const), path: absolutePath(path, cwd) })),
    ].slice(0, maxNamedThings + 1),
    addresses: [...new Set(kind === "fetch" || kind === "execute" ? addressesIn(kind, inputs, title) : [])],
    tools,
  };
}

export function absolutePath(path: string, cwd: string): string {
  return resolve(cwd, path === "~" || path.startsWith("~/") ? homeDirectory() + path.slice(1) : path);
}

function commandsOf(kind: string, { commands, title }: Pick<Deed, "commands" | "title">): readonly CommandText[] {
  if (kind === "execute") return commands.length > 0 ? commands : commandOfTitle(title);
  // Codex says of a command that it reads or searches files. A single word is what some tools for files call their ways (`view`).
  return isPathKind(kind) ? commands.filter(({ text }) => /\s/.test(text)) : [];
}

function distinct(commands: readonly CommandText[]): CommandText[] {
  return [...new Map(commands.map((command) => [JSON.stringify([command.text, command.names]), command])).values()];
}

function commandsIn(input: Record<string, unknown>): CommandText[] {
  const command = input["command"] ?? input["cmd"] ?? input["script"];
  const args = Array.isArray(input["args"]) ? input["args"].map(String) : [];
  if (typeof command === "string" && command.trim() !== "")
    return args.length > 0 ? vectorsOf([command, ...args]) : [lineOf(command)];
  return Array.isArray(command) && command.length > 0 ? vectorsOf(command.map(String)) : [];
}

/** A program whose name has spaces may be a line for a shell. */
function vectorsOf(words: readonly string[]): CommandText[] {
  const isLine = /[\s;&|`$()<>]/.test(words[0] ?? "");
  return isLine ? [vectorOf(words), lineOf(words.join(" "))] : [vectorOf(words)];
}

export function lineOf(text: string): CommandText {
  const outer = named(text.trim(), parseCommandLine(text));
  const { commands, reads, writes, unclear } = outer.line;
  const [command, ...others] = commands;
  const isOne = command && others.length + reads.length + writes.length === 0 && !unclear && !command.assigns;
  return isOne && command.words.every(({ dynamic }) => !dynamic)
    ? unwrapped(
        command.words.map((word) => word.text),
        outer,
      )
    : outer;
}

function vectorOf(words: readonly string[]): CommandText {
  return unwrapped(words, named(words.join(" "), argumentVector(words)));
}

/** By its name, or where the system keeps it: one that lies elsewhere may be anything. */
const systemShell = /^(?:\/(?:bin|usr|opt|nix|run\/current-system)\/(?:(?!\.\.\/)[^/]+\/)*)?(?:ba|z|da|k)?sh$/;

/** `bash -lc 'npm test'` is how some agents write `npm test`; what forbids looks at the whole as well. */
function unwrapped(words: readonly string[], outer: CommandText): CommandText {
  const [program = "", flags = "", script, ...rest] = words;
  const isShell = systemShell.test(program) && /^-l?c$/.test(flags);
  if (!isShell || script === undefined || rest.length > 0) return outer;
  const inner = named(script.trim(), parseCommandLine(script));
  const around = [outer.text, ...outer.names.flatMap(({ suspected }) => suspected)];
  const names = inner.names.map((one, index) =>
    index === 0 ? { ...one, suspected: [...one.suspected, ...around] } : one,
  );
  return { ...inner, names };
}

function named(text: string, line: CommandLine): CommandText {
  return { text, line, names: namesOf(line.commands) };
}

/** Some put the command into the title and nowhere else, perhaps in backticks. */
function commandOfTitle(title: string): CommandText[] {
  const command = /^`+([^`]+)`+$/.exec(title.trim())?.[1] ?? title.trim();
  return command === "" ? [] : [lineOf(command)];
}

const pathField =
  /^(?:(?:abs|absolute|file|notebook|dir|directory|source|destination|target|src|dst|old|new|from|to|relative)_?)?(?:path|file|filename|filepath|directory|dir|source|destination|folder)s?$|^(?:uri|from|to)$/i;

/** Values of the fields that agents put paths into; the keys of `changes` are paths as well (Codex). */
function pathsIn(input: Record<string, unknown>): string[] {
  const inFields = Object.entries(input)
    .filter(([name]) => pathField.test(name))
    .flatMap(([, value]) => (Array.isArray(value) ? (value as unknown[]) : [value]))
    .flatMap((value) => pathText(isRecord(value) ? value["path"] : value) ?? []);
  const { changes } = input;
  const changed = isRecord(changes) ? Object.keys(changes) : [];
  const edits = Array.isArray(input["edits"]) ? (input["edits"] as unknown[]) : [];
  return [...inFields, ...changed, ...edits.filter(isRecord).flatMap(pathsIn)];
}

function locationsIn(calls: readonly Record<string, unknown>[]): string[] {
  return calls.flatMap(({ locations }) =>
    Array.isArray(locations)
      ? locations.flatMap((one: unknown) => pathText(isRecord(one) ? one["path"] : undefined) ?? [])
      : [],
  );
}

function diffsIn(calls: readonly Record<string, unknown>[]): string[] {
  return calls.flatMap(({ content }) =>
    Array.isArray(content)
      ? content.flatMap(
          (one: unknown) => pathText(isRecord(one) && one["type"] === "diff" ? one["path"] : undefined) ?? [],
        )
      : [],
  );
}

function pathText(value: unknown): string | undefined {
  if (typeof value !== "string" || value === "") return undefined;
  return value.startsWith("file://") ? pathOfUri(value) : value;
}

function pathOfUri(uri: string): string {
  const path = uri.slice("file://".length);
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function addressesIn(kind: string, inputs: readonly Record<string, unknown>[], title: string): string[] {
  const given = inputs
    .flatMap((input) => [
      input["url"],
      input["uri"],
      ...(Array.isArray(input["urls"]) ? (input["urls"] as unknown[]) : []),
    ])
    .filter((one) => typeof one === "string");
  if (given.length > 0 || kind !== "fetch") return given.map(canonicalAddress);
  return (title.match(/\bhttps?:\/\/[^\s"'`<>)\]]+/g) ?? []).map(canonicalAddress);
}

/** Without user and password, which can be made to look like a host; as it stands if it is none. */
export function canonicalAddress(text: string): string {
  try {
    const url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`);
    const host = url.host.replace(/\.(?=:|$)/, "");
    return `${url.protocol}//${host}${url.pathname}${url.search}`;
  } catch {
    return text;
  }
}

interface ToolSource {
  calls: readonly Record<string, unknown>[];
  asked: Record<string, unknown>;
  inputs: readonly Record<string, unknown>[];
  servers: readonly string[];
}

function toolNames({ calls, asked, inputs, servers }: ToolSource): string[] {
  const meta = [...calls, asked]
    .map(({ _meta }) => (isRecord(_meta) ? _meta["claudeCode"] : undefined))
    .filter(isRecord);
  const texts = [
    ...meta.map(({ toolName }) => toolName),
    ...calls.flatMap(({ title, name }) => [title, name]),
    // Gemini names the tool in the id of the call alone.
    ...calls.map(({ toolCallId }) =>
      typeof toolCallId === "string" ? /^(mcp_.+?)[-_]\d{6,}/.exec(toolCallId)?.[1] : undefined,
    ),
    ...inputs.map(({ server, tool }) =>
      typeof server === "string" && typeof tool === "string" ? `mcp__${server}__${tool}` : undefined,
    ),
  ];
  return [...new Set(texts.filter((text) => typeof text === "string").flatMap((text) => namesOfTool(text, servers)))];
}

/** `mcp__server__tool`, `Tool: server/tool`, `mcp.server.tool`, or a known server's name before the tool's. */
function namesOfTool(text: string, servers: readonly string[]): string[] {
  const name = text.trim().replace(/^(?:Tool|MCP): /i, "");
  if (!/^[\w./:@-]+$/.test(name)) return [];
  const [, server, tool] = /^mcp(?:__|[./:])(.+?)(?:__|[./:])(.+)$/i.exec(name) ?? [];
  if (server !== undefined && tool !== undefined)
    return [canonicalToolName(`${server}_${tool}`), canonicalToolName(tool)];
  const canonical = canonicalToolName(name);
  const known = servers.map((one) => canonicalToolName(one)).find((one) => canonical.startsWith(`${one}_`));
  if (known !== undefined) return [canonical, canonical.slice(known.length + 1)];
  return /^mcp_/i.test(name) ? [canonical] : [];
}

function firstText(values: readonly unknown[]): string | undefined {
  return values.find((value): value is string => typeof value === "string" && value !== "");
}
