/** The rooms of the house: who may import whom, and which folder is the door of which package. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const source = resolve(import.meta.dirname, "../src");

/** From the ground up. A room may import itself and every room before it, unless it is narrowed below. */
const rooms = [
  "base",
  "config",
  "observe",
  "acp",
  "control",
  "process",
  "sandbox",
  "sessions",
  "permissions",
  "kiln",
  "agents",
  "delegation",
  "display",
  "mcp",
  "editor",
  "demo",
  "daemon",
  "cli",
] as const;

type Room = (typeof rooms)[number];

/** Rooms that may import less than all below them. Types count as well. */
const narrowed: Partial<Record<Room, readonly Room[]>> = {
  config: ["base"],
  observe: ["base", "config"],
  acp: ["base"],
  control: ["base", "acp"],
  process: ["base"],
  sessions: ["base", "config", "observe", "acp"],
  permissions: ["base", "config", "observe", "acp", "sessions"],
  kiln: ["base", "config", "acp", "process", "sessions", "permissions"],
  sandbox: ["base", "config", "process"],
  agents: ["base", "config", "observe", "acp", "process", "sandbox"],
  delegation: ["base", "config", "observe", "acp", "sessions"],
  display: ["base", "observe", "acp", "sessions"],
  mcp: ["base", "config", "observe", "acp", "sessions", "delegation"],
  editor: ["base", "config", "observe", "acp", "sessions", "agents"],
  demo: ["base"],
  cli: ["base", "config", "observe", "control", "acp", "process", "demo", "delegation", "daemon"],
};

/** Third-party packages and the system's dangerous corners: the only rooms that may touch them. */
const doors: Record<string, readonly Room[]> = {
  "@agentclientprotocol/sdk": ["acp", "demo"],
  "@modelcontextprotocol/server": ["mcp", "daemon"],
  "@modelcontextprotocol/server/stdio": ["mcp"],
  "@modelcontextprotocol/node": ["mcp"],
  "smol-toml": ["config"],
  zod: ["config", "mcp", "daemon"],
  pino: ["observe"],
  "prom-client": ["observe"],
  "@opentelemetry/api": ["observe"],
  "@opentelemetry/sdk-trace-base": ["observe"],
  "@opentelemetry/resources": ["observe"],
  "@opentelemetry/exporter-trace-otlp-http": ["observe"],
  "rotating-file-stream": ["observe"],
  execa: ["process"],
  "node:child_process": ["process"],
  "p-queue": ["delegation"],
  diff: ["delegation"],
  libsql: ["sessions"],
  commander: ["cli"],
  "fastest-levenshtein": ["base"],
  "@deepseek-ai/node-addon-landlock-run": ["sandbox"],
  picomatch: ["permissions", "kiln"],
};

interface Import {
  file: string;
  room: Room;
  target: string;
}

const imports = readdirSync(source, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .flatMap((file) => importsOf(join(source, file)));

function importsOf(path: string): Import[] {
  const text = readFileSync(path, "utf8");
  const file = relative(source, path);
  const room = file.split("/")[0] as Room;
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(([, target]) => ({
    file,
    room,
    target: target!,
  }));
}

function roomOf({ file, target }: Import): Room {
  return relative(source, resolve(dirname(join(source, file)), target)).split("/")[0] as Room;
}

describe("the house", () => {
  it("has no room that this test does not know", () => {
    expect(readdirSync(source).toSorted()).toEqual(rooms.toSorted());
  });

  it("imports only downwards", () => {
    const allowed = (room: Room): readonly Room[] => narrowed[room] ?? rooms.slice(0, rooms.indexOf(room));
    const wrong = imports
      .filter(({ target }) => target.startsWith("."))
      .filter((one) => roomOf(one) !== one.room && !allowed(one.room).includes(roomOf(one)))
      .map(({ file, target }) => `${file} imports ${target}`);
    expect(wrong).toEqual([]);
  });

  it("touches each package only in its door", () => {
    const wrong = imports
      .filter(({ room, target }) => doors[target] && !doors[target].includes(room))
      .map(({ file, target }) => `${file} imports ${target}`);
    expect(wrong).toEqual([]);
  });

  it("knows the door of every package", () => {
    const unknown = imports.filter(({ target }) => !/^[.]|^node:/.test(target) && !doors[target]);
    expect(unknown.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it("lets the command line load the daemon only where a command needs it", () => {
    const early = imports
      .filter((one) => one.room === "cli" && one.target.startsWith(".") && roomOf(one) === "daemon")
      .filter(({ file }) => !file.startsWith("cli/commands/"))
      .map(({ file }) => file);
    expect(early).toEqual([]);
  });

  it("reads the clock that nobody can set in one place", () => {
    const wrong = readdirSync(source, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && file !== "base/clock.ts")
      .filter((file) => /performance\.now|hrtime/.test(readFileSync(join(source, file), "utf8")));
    expect(wrong).toEqual([]);
  });

  it("loads the library of spans only where they are asked for", () => {
    const tracing = readFileSync(join(source, "observe/tracing.ts"), "utf8");
    expect(tracing).toContain('await import("./span-export.ts")');
    const early = imports
      .filter(({ target }) => /^@opentelemetry|span-export|\/spans\.ts$/.test(target))
      .filter(({ file }) => !/^observe\/(?:span-export|spans|tracing)\.ts$/.test(file));
    expect(early).toEqual([]);
    expect(tracing).not.toMatch(/from "(?:@opentelemetry|\.\/span)/);
  });

  it("ends the process and writes to stdout only at its edges", () => {
    const wrong = readdirSync(source, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !/^(cli|demo)\//.test(file) && file !== "daemon/serve.ts")
      .filter((file) => /process\.(exit\(|stdout)/.test(readFileSync(join(source, file), "utf8")));
    expect(wrong).toEqual([]);
  });
});
