/**
 * Tells what happens in the demo from what really comes by: the messages an editor gets, and the daemon's own log. Invents
 * nothing: what does not arrive is not told.
 */
import { isRecord, RpcError, type IncomingRequest, type Listener } from "../acp/wire.ts";
import type { DemoLog } from "./render/demo-log.ts";

export interface DemoStory {
  /** The editor's side of the conversation. */
  readonly editor: Listener;
  daemonLog(line: string): void;
  /** Tells what was said last and not ended by a newline. */
  flush(): void;
  /** Agents that were started. */
  readonly agentCount: number;
}

export function createDemoStory(log: DemoLog): DemoStory {
  const workers = new Map<string, string>();
  let said = "";
  let hasPlan = false;
  let agentCount = 0;

  function flush(): void {
    if (said.trim() !== "") log.row("planner", said);
    said = "";
  }

  function update(change: Record<string, unknown>): void {
    if (change["sessionUpdate"] === "agent_message_chunk") {
      const { content } = change;
      said += isRecord(content) && typeof content["text"] === "string" ? content["text"] : "";
      return;
    }
    flush();
    if (change["sessionUpdate"] === "plan" && !hasPlan) {
      hasPlan = true;
      log.row(
        "planner",
        `plans: ${records(change["entries"])
          .map((entry) => String(entry["content"]))
          .join(" · ")}`,
      );
    }
    if (change["sessionUpdate"] === "tool_call" && isRecord(change["rawInput"])) {
      log.row(
        "planner",
        `calls delegate_session: "${String(change["title"])}" to ${String(change["rawInput"]["agent"])}`,
      );
    }
  }

  function progress({ delegationId, agent, title, kind, msg }: Record<string, unknown>): void {
    const id = String(delegationId);
    const known = workers.get(id);
    const worker = known ?? `worker ${workers.size + 1}`;
    workers.set(id, worker);
    if (!known) log.row(worker, `gets "${String(title)}"`);
    const words = String(msg).slice(`delegation to ${String(agent)} (${String(title)}) `.length);
    if (kind === "activity" || kind === "ended") log.row(worker, words.slice(words.indexOf(": ") + 2));
  }

  return {
    flush,
    get agentCount() {
      return agentCount;
    },
    editor: {
      request: (request) => answer(request, log),
      notification(method, params) {
        const change = isRecord(params) ? params["update"] : undefined;
        if (method === "session/update" && isRecord(change)) update(change);
      },
    },
    daemonLog(line) {
      const entry: unknown = JSON.parse(line);
      if (!isRecord(entry)) return;
      if (entry["event"] === "delegation.progress") progress(entry);
      if (entry["event"] === "agent.started") {
        agentCount++;
        log.row("daemon", `${String(entry["msg"])}, process ${String(entry["agentPid"])}`);
      }
    },
  };
}

/** What a person would click: the demo allows once, and says so. */
async function answer({ method, params }: IncomingRequest, log: DemoLog): Promise<unknown> {
  if (method !== "session/request_permission" || !isRecord(params)) throw RpcError.methodNotFound(method);
  const title = isRecord(params["toolCall"]) ? String(params["toolCall"]["title"]) : "something";
  const option = records(params["options"]).find(({ kind }) => kind === "allow_once");
  log.row("editor", `is asked for permission: ${title}; ${option ? "allowed once" : "declined"}`);
  return { outcome: option ? { outcome: "selected", optionId: option["optionId"] } : { outcome: "cancelled" } };
}

function records(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
