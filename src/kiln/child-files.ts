/**
 * The tap that answers a child's file requests itself (ACP, "File System"): a child has no editor, and may touch only what
 * lies in its session's directory. A root session's requests go to its editor as they are.
 */
import type { Interceptor } from "../acp/interceptor.ts";
import { isRecord } from "../acp/wire.ts";
import { CrucibleError, isSystemError } from "../base/errors.ts";
import { formatBytes } from "../base/text.ts";
import { permissionDenied } from "../permissions/errors.ts";
import type { ToolSet } from "../sessions/grant.ts";
import type { Session } from "../sessions/session.ts";
import { explainingFailures, openForReading, openForWriting, type OpenedFile } from "./boundary.ts";
import { fileNotFound, invalidRequest, kilnDenied } from "./errors.ts";

/** Largest file that is read through the protocol, in bytes. */
export const maxFileBytes = 32 * 1024 * 1024;

/** Largest file whose earlier text is told when it is written, in bytes. */
const maxToldBytes = 512 * 1024;

/** What an agent has to be given to ask this of its client. */
const toolSetOfMethod: Readonly<Record<string, ToolSet>> = {
  "fs/read_text_file": "read",
  "fs/write_text_file": "write",
  "terminal/create": "execute",
};

export interface Written {
  /** Absolute, as the agent gave it. */
  path: string;
  /** The text before; null if the file is new, undefined if it cannot be told: too large, or not to be read. */
  before: string | null | undefined;
  after: string;
}

/** `onWritten` hears of each file once it is written. */
export function childFiles(session: Session, onWritten: (written: Written) => void): Interceptor {
  return {
    name: "files",
    async agentRequest(request, next) {
      const needed = toolSetOfMethod[request.method];
      if (needed) requireGranted(session, needed);
      // Who speaks at an editor works on the editor's files.
      if (session.origin !== "delegation") return next(request);
      switch (request.method) {
        case "fs/read_text_file":
          return { content: await read(session.cwd, request.params) };
        case "fs/write_text_file":
          onWritten(await write(session.cwd, request.params));
          return {};
        default:
          return next(request);
      }
    },
  };
}

function requireGranted(session: Session, tool: ToolSet): void {
  if (session.grant.tools.has(tool)) return;
  throw permissionDenied.create(`this session was not given ${tool}`, {
    hint: "do without, and say in your report what you could not do",
  });
}

async function read(kiln: string, params: unknown): Promise<string> {
  const path = textField(params, "path");
  const { handle, stats } = await openForReading(kiln, path);
  try {
    if (stats.size > maxFileBytes) {
      throw kilnDenied.create(`${path} has ${formatBytes(stats.size)}, more than ${formatBytes(maxFileBytes)}`, {
        hint: "read it in parts with a command",
      });
    }
    const content = await handle.readFile("utf8");
    return excerpt(content, numberField(params, "line"), numberField(params, "limit"));
  } finally {
    await handle.close();
  }
}

async function write(kiln: string, params: unknown): Promise<Written> {
  const content = textField(params, "content");
  const path = textField(params, "path");
  const before = await earlierText(kiln, path);
  const { handle } = await openForWriting(kiln, path);
  try {
    await explainingFailures(path, async () => {
      await handle.truncate(0);
      await handle.writeFile(content, "utf8");
    });
    return { path, before, after: content };
  } finally {
    await handle.close();
  }
}

async function earlierText(kiln: string, path: string): Promise<Written["before"]> {
  let opened: OpenedFile;
  try {
    opened = await openForReading(kiln, path);
  } catch (error) {
    if (fileNotFound.matches(error)) return null;
    // What may not be read may still be written; that is decided after this.
    if (error instanceof CrucibleError || isSystemError(error, "EACCES", "EPERM")) return undefined;
    throw error;
  }
  try {
    return opened.stats.size > maxToldBytes ? undefined : await opened.handle.readFile("utf8");
  } finally {
    await opened.handle.close();
  }
}

/** `limit` lines from `line` on, which counts from 1. */
function excerpt(content: string, line: number | undefined, limit: number | undefined): string {
  if (line === undefined && limit === undefined) return content;
  const start = Math.max(0, (line ?? 1) - 1);
  const lines = content.split("\n");
  return lines.slice(start, limit === undefined ? undefined : start + limit).join("\n");
}

function textField(params: unknown, name: string): string {
  const value = isRecord(params) ? params[name] : undefined;
  if (typeof value === "string") return value;
  throw invalidRequest.create(`expected ${name} to be a string, got ${value === undefined ? "nothing" : typeof value}`);
}

function numberField(params: unknown, name: string): number | undefined {
  const value = isRecord(params) ? params[name] : undefined;
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : undefined;
}
