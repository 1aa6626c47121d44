/**
 * What a line of a prompt can make the scripted agent do. A text or path that begins with `"` is read as a JSON string, so
 * that it can hold newlines and spaces. Relative paths count from the session's cwd. Params of `notify`, `request` and `ask`
 * get the session's id unless they name one; `"sessionId": null` leaves it out.
 *
 *   say TEXT · think TEXT · flood N [BYTES] · tool {fields} · update {session/update} · usage N | {usage_update}
 *   notify METHOD {params} · request METHOD {params} · ask {session/request_permission}
 *   read PATH · write PATH TEXT (through the client) · rawread PATH · rawwrite PATH TEXT (directly)
 *   run COMMAND (in a terminal of the client, to its end) · terminal create {params} · terminal METHOD (of the last one created)
 *   terminal show TITLE (a tool call with the last one in it)
 *   delegate {args} · delegates [{args}, …] · mcp TOOL {args} · mcp-list · mcp-version · mcp-servers
 *   stop REASON · fail CODE MESSAGE · exit CODE · die SIGNAL · hang · hang-hard · wait-for FILE · touch FILE
 *   stray TEXT · stderr TEXT · spawn-grandchild [setsid] [stdout]
 *   shell COMMAND (its output) · shell-along COMMAND (and waits for ever) · env NAME · cwd · pid · session · heard (content blocks of all prompts so far)
 */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve as resolvePath } from "node:path";
import { existingFile } from "./files.mjs";
import { RpcError } from "./wire.mjs";

const contextSize = 200_000;

export const directives = {
  say: (rest, turn) => turn.say(text(rest)),
  think: (rest, turn) =>
    turn.update({ sessionUpdate: "agent_thought_chunk", content: { type: "text", text: text(rest) } }),
  flood(rest, turn) {
    const [count, bytes = 100] = rest.split(/\s+/).map(Number);
    return turn.session.flood(count, bytes, turn.signal);
  },

  tool(rest, turn) {
    const { toolCallId = nextToolCallId(turn), status = "completed", ...fields } = json(rest);
    const title = fields.title ?? "Scripted tool";
    turn.update({ sessionUpdate: "tool_call", toolCallId, kind: "other", status: "pending", ...fields, title });
    turn.update({ sessionUpdate: "tool_call_update", toolCallId, status });
    turn.startNewMessage();
  },
  update: (rest, turn) => turn.update(json(rest)),
  usage(rest, turn) {
    const fields = rest.startsWith("{") ? json(rest) : { used: Number(rest) };
    turn.update({ sessionUpdate: "usage_update", size: contextSize, ...fields });
    turn.usage = { totalTokens: fields.used, inputTokens: fields.used, outputTokens: 0 };
  },

  notify(rest, turn) {
    const [method, params] = firstWord(rest);
    turn.wire.notify(method, withSession(params, turn));
  },
  async request(rest, turn) {
    const [method, params] = firstWord(rest);
    turn.sayJson(await turn.ask(method, withSession(params, turn)));
  },
  async ask(rest, turn) {
    const fields = rest === "" ? {} : json(rest);
    const toolCall = { toolCallId: nextToolCallId(turn), title: "Scripted tool", kind: "other", status: "pending" };
    // Without the signal: on session/cancel the client has to answer this request itself, and that is worth saying.
    const answer = await turn.wire
      .request("session/request_permission", {
        sessionId: turn.session.id,
        options: permissionOptions,
        ...fields,
        toolCall: { ...toolCall, ...fields.toolCall },
      })
      .catch((error) => ({ error }));
    turn.sayJson(answer.outcome ?? answer);
  },

  async read(rest, turn) {
    const path = pathIn(turn, text(rest));
    const answer = await turn.ask("fs/read_text_file", { sessionId: turn.session.id, path });
    if (answer.error) turn.sayJson(answer);
    else turn.say(answer.content);
  },
  async write(rest, turn) {
    const [name, content] = firstWord(rest);
    const path = pathIn(turn, name);
    const answer = await turn.ask("fs/write_text_file", { sessionId: turn.session.id, path, content: text(content) });
    if (answer?.error) turn.sayJson(answer);
    else turn.say(`wrote ${name}`);
  },
  rawread: (rest, turn) => sayOrError(turn, () => readFileSync(pathIn(turn, text(rest)), "utf8")),
  rawwrite(rest, turn) {
    const [name, content] = firstWord(rest);
    sayOrError(turn, () => {
      writeFileSync(pathIn(turn, name), text(content));
      return `wrote ${name}`;
    });
  },

  async run(rest, turn) {
    const created = await terminal(turn, "create", { command: rest });
    if (created.error) turn.sayJson(created);
    else {
      await terminal(turn, "wait_for_exit");
      turn.say((await terminal(turn, "output")).output);
      await terminal(turn, "release");
    }
  },
  async terminal(rest, turn) {
    const [method, params] = firstWord(rest);
    if (method === "show") showTerminal(turn, params);
    else turn.sayJson(await terminal(turn, method, params === "" ? {} : json(params)));
  },

  async delegate(rest, turn) {
    await sayToolResult(turn, await callTool(turn, "delegate_session", json(rest)));
  },
  async delegates(rest, turn) {
    const calls = await Promise.all(json(rest).map((args) => callTool(turn, "delegate_session", args)));
    turn.sayJson(calls.map(({ value }) => value));
    if (turn.options.sayProgress) turn.say(`progress: ${calls.reduce((sum, { progress }) => sum + progress, 0)}`);
  },
  async mcp(rest, turn) {
    const [tool, args] = firstWord(rest);
    await sayToolResult(turn, await callTool(turn, tool, args === "" ? {} : json(args)));
  },
  "mcp-list": (_, turn) =>
    sayFromTools(turn, async (tools) =>
      (await tools.list()).map(({ name, description, inputSchema }) => ({ name, description, inputSchema })),
    ),
  "mcp-version": (_, turn) => sayFromTools(turn, (tools) => tools.version()),
  "mcp-servers": (_, turn) => turn.sayJson(turn.session.mcpServers),

  stop: (rest, turn) => void (turn.stopReason = rest),
  fail(rest) {
    const [code, message] = firstWord(rest);
    throw new RpcError(Number(code), text(message));
  },
  exit(rest, turn) {
    turn.wire.flush();
    process.exit(Number(rest));
  },
  die(rest, turn) {
    turn.wire.flush();
    process.kill(process.pid, rest);
    return new Promise(() => {});
  },
  hang: (_, { signal }) =>
    new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  "hang-hard": () => new Promise(() => {}),
  "wait-for": (rest, turn) => existingFile(pathIn(turn, text(rest)), turn.signal),
  touch: (rest, turn) => writeFileSync(pathIn(turn, text(rest)), ""),

  stray: (rest, turn) => turn.wire.writeLine(text(rest)),
  stderr: (rest) => void process.stderr.write(`${text(rest)}\n`),
  async "spawn-grandchild"(rest, turn) {
    const { spawn } = await import("node:child_process");
    // An ignored signal stays ignored in the program that takes the shell's place.
    const child = spawn("/bin/sh", ["-c", "trap '' TERM HUP INT; exec sleep 100000"], {
      detached: rest.includes("setsid"),
      stdio: ["ignore", rest.includes("stdout") ? "inherit" : "ignore", "ignore"],
    });
    child.unref();
    turn.say(`grandchild ${child.pid}`);
  },

  env: (rest, turn) => turn.say(process.env[rest] ?? "(unset)"),
  cwd: (_, turn) => turn.say(process.cwd()),
  async "shell-along"(rest, turn) {
    const { spawn } = await import("node:child_process");
    spawn("/bin/sh", ["-c", text(rest)], { cwd: turn.session.cwd, stdio: "ignore" });
    await new Promise(() => {});
  },
  async shell(rest, turn) {
    const { spawnSync } = await import("node:child_process");
    const run = spawnSync("/bin/sh", ["-c", `exec 2>&1; ${text(rest)}`], { cwd: turn.session.cwd, encoding: "utf8" });
    turn.say(run.stdout.trim());
  },
  pid: (_, turn) => turn.say(String(process.pid)),
  session: (_, turn) => turn.say(turn.session.id),
  heard: (_, turn) => turn.sayJson(turn.session.prompts),
};

const permissionOptions = [
  { optionId: "allow", name: "Allow", kind: "allow_once" },
  { optionId: "always", name: "Always allow", kind: "allow_always" },
  { optionId: "reject", name: "Reject", kind: "reject_once" },
  { optionId: "never", name: "Always reject", kind: "reject_always" },
];

async function terminal(turn, method, params = {}) {
  const { session } = turn;
  const terminalId = method === "create" ? undefined : session.terminal;
  const answer = await turn.ask(`terminal/${method}`, { sessionId: session.id, terminalId, ...params });
  if (answer.terminalId) session.terminal = answer.terminalId;
  return answer;
}

function showTerminal(turn, title) {
  const content = [{ type: "terminal", terminalId: turn.session.terminal }];
  const toolCallId = nextToolCallId(turn);
  turn.update({ sessionUpdate: "tool_call", toolCallId, kind: "execute", status: "completed", title, content });
  turn.startNewMessage();
}

async function callTool(turn, name, args) {
  const { options, signal } = turn;
  const card = options.mcpCards && startCard(turn, name, args);
  let progress = 0;
  try {
    const result = await untilCancelled(signal, async () => {
      const tools = await turn.session.tools();
      return tools.call(name, args, {
        signal: options.forwardCancel ? signal : undefined,
        onProgress: () => void progress++,
      });
    });
    if (card) card(result.isError ? "failed" : "completed");
    return { value: result.structuredContent ?? result, progress };
  } catch (error) {
    if (card) card("failed");
    if (signal.aborted) throw signal.reason;
    return { value: { error: { code: error.code, message: error.message, data: error.data } }, progress };
  }
}

/** A cancelled turn waits for nothing, also when the call goes on elsewhere. */
function untilCancelled(signal, work) {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
    work().then(resolve, reject);
  });
}

function startCard(turn, name, args) {
  const toolCallId = nextToolCallId(turn);
  const title = `crucible: ${name}`;
  turn.update({ sessionUpdate: "tool_call", toolCallId, title, kind: "other", status: "in_progress", rawInput: args });
  turn.startNewMessage();
  return (status) => turn.update({ sessionUpdate: "tool_call_update", toolCallId, status });
}

async function sayToolResult(turn, { value, progress }) {
  turn.sayJson(value);
  if (turn.options.sayProgress) turn.say(`progress: ${progress}`);
}

async function sayFromTools(turn, look) {
  try {
    turn.sayJson(await look(await turn.session.tools()));
  } catch (error) {
    turn.sayJson({ error: { code: error.code, message: error.message } });
  }
}

function sayOrError(turn, work) {
  try {
    turn.say(work());
  } catch (error) {
    turn.sayJson({ error: { code: error.code, message: error.message } });
  }
}

function nextToolCallId({ session }) {
  session.toolCalls++;
  return `call-${session.toolCalls}`;
}

function withSession(rest, { session }) {
  if (rest === "") return { sessionId: session.id };
  const params = { sessionId: session.id, ...json(rest) };
  if (params.sessionId === null) delete params.sessionId;
  return params;
}

/** The first word, which may be a JSON string, and what follows it. */
function firstWord(rest) {
  const [, word = "", after = ""] = /^("(?:[^"\\]|\\.)*"|\S+)\s*(.*)$/.exec(rest) ?? [];
  return [text(word), after];
}

const text = (rest) => (rest.startsWith('"') ? JSON.parse(rest) : rest);
const json = (rest) => JSON.parse(rest);
const pathIn = ({ session }, path) => resolvePath(session.cwd, path);
