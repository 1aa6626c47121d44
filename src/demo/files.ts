/**
 * How the demo worker touches files: through the client where it offers that (ACP, "File System"), so that the client's rules
 * hold, else directly.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { methods } from "@agentclientprotocol/sdk";
import { isSystemError } from "../base/errors.ts";
import type { DemoTurn } from "./demo-agent.ts";

/** Names of the Markdown files of the folder but those in `except`, sorted. */
export async function listNotes(turn: DemoTurn, except: readonly string[]): Promise<string[]> {
  const names = await readdir(turn.cwd);
  return names.filter((name) => name.endsWith(".md") && !except.includes(name)).toSorted();
}

export async function readNote(turn: DemoTurn, name: string): Promise<string> {
  const { client, clientCapabilities, cwd, sessionId } = turn;
  const path = join(cwd, name);
  if (!clientCapabilities.fs?.readTextFile) return readFile(path, "utf8");
  const { content } = await client.request(methods.client.fs.readTextFile, { sessionId, path });
  return content;
}

/** Gives what the file held before; null when it is new. */
export async function replaceFile(turn: DemoTurn, name: string, content: string): Promise<string | null> {
  const { client, clientCapabilities, cwd, sessionId } = turn;
  const path = join(cwd, name);
  const before = await previousContent(path);
  if (clientCapabilities.fs?.writeTextFile) {
    await client.request(methods.client.fs.writeTextFile, { sessionId, path, content });
  } else {
    await writeFile(path, content);
  }
  return before;
}

async function previousContent(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return null;
    throw error;
  }
}
