/** `crucible sessions list|show|export|delete`: what is stored of sessions and delegations. */
import { exitCodes } from "../../base/errors.ts";
import { formatDuration, plainJson, plainText } from "../../base/text.ts";
import type { StoreState } from "../../control/methods.ts";
import { maxListedSessions, maxSearchCharacters, type StoredMessage } from "../../control/stored.ts";
import { usageError } from "../errors.ts";
import { conversationMarkdown } from "../render/conversation-markdown.ts";
import { storedDetailText } from "../render/stored-detail.ts";
import { storedListText } from "../render/stored-list.ts";
import { styleFor } from "../render/style.ts";
import { print, printJson, tell } from "../terminal.ts";
import { openStored, type StoredDoor } from "./stored.ts";

interface Place {
  socket: string | undefined;
  config: string | undefined;
}

const defaultLimit = 50;

export interface ListOptions extends Place {
  search: string | undefined;
  agent: string | undefined;
  limit: string | undefined;
  all: boolean;
  json: boolean;
}

export async function listSessions({ search, agent, limit, all, json, ...place }: ListOptions): Promise<number> {
  const wanted = { search, agent, all, limit: limitOf(limit) };
  if (search !== undefined) requireSearchable(search);
  using stored = await openStored(place);
  const result = await stored.request("sessions", wanted);
  await warnOf(result.store);
  if (json) await printJson(result.sessions);
  else if (result.sessions.length > 0) await print(storedListText(result.sessions, styleFor(process.stdout)));
  else await tell(search === undefined && agent === undefined ? "no sessions are stored\n" : "nothing was found\n");
  return exitCodes.ok;
}

export async function showSession(
  [id = ""]: readonly string[],
  { permissions, json, ...place }: Place & { permissions: boolean; json: boolean },
): Promise<number> {
  using stored = await openStored(place);
  const detail = await stored.request("session", { id, permissions });
  await (json ? printJson(detail) : print(storedDetailText(detail, styleFor(process.stdout))));
  return exitCodes.ok;
}

export async function exportSession(
  [id = ""]: readonly string[],
  { format, json, ...place }: Place & { format: string | undefined; json: boolean },
): Promise<number> {
  if (json && format === "markdown") {
    throw usageError.create("--json and --format markdown contradict each other", { hint: "leave one of them out" });
  }
  using stored = await openStored(place);
  const detail = await stored.request("session", { id, permissions: false });
  if (json || format === "jsonl") {
    for await (const page of pages(stored, id)) {
      await print(page.map((message) => `${plainJson(JSON.stringify(message))}\n`).join(""));
    }
    return exitCodes.ok;
  }
  const markdown = conversationMarkdown(detail);
  await print(markdown.begin());
  for await (const page of pages(stored, id)) await print(page.map((message) => markdown.add(message)).join(""));
  await print(markdown.end());
  return exitCodes.ok;
}

export async function deleteSession(
  [id = ""]: readonly string[],
  { json, ...place }: Place & { json: boolean },
): Promise<number> {
  using stored = await openStored(place);
  const deleted = await stored.request("delete_session", { id });
  const { sessions, delegations } = deleted;
  const words = `deleted ${sessions.length} sessions (${sessions.join(", ")}) and ${delegations.length} delegations\n`;
  await (json ? printJson(deleted) : tell(words));
  return exitCodes.ok;
}

async function* pages(stored: StoredDoor, id: string): AsyncGenerator<readonly StoredMessage[]> {
  for (let after = 0; ;) {
    const { messages } = await stored.request("session_messages", { id, after });
    const last = messages.at(-1);
    if (!last) return;
    yield messages;
    after = last.number;
  }
}

function requireSearchable(text: string): void {
  if (text !== "" && text.length <= maxSearchCharacters) return;
  throw usageError.create(
    `expected a text of 1 to ${maxSearchCharacters} characters behind --search, got ${text.length}`,
    { hint: "leave it out to list all" },
  );
}

function limitOf(text: string | undefined): number {
  const limit = Number(text ?? defaultLimit);
  if (Number.isInteger(limit) && limit >= 1 && limit <= maxListedSessions) return limit;
  throw usageError.create(
    `expected --limit to be a whole number from 1 to ${maxListedSessions}, got ${JSON.stringify(text)}`,
    {
      hint: `leave it out for the ${defaultLimit} latest`,
    },
  );
}

/** What is listed may be less than there was, or may be gone tomorrow: that is not to be learnt by accident. */
async function warnOf({ degradedSince, reason }: StoreState): Promise<void> {
  if (degradedSince === null) return;
  const since = formatDuration(Date.now() - degradedSince);
  await tell(
    `crucible: the store cannot be written for ${since} (${plainText(reason ?? "")}); what is new is in memory only\n`,
  );
}
