/**
 * A small ACP editor for tests: starts a program that speaks ACP on stdio (an agent, or `crucible acp`), and keeps
 * everything it hears. It allows every permission it is asked for, unless told otherwise.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Readable, Writable } from "node:stream";
import { client, methods, ndJsonStream, PROTOCOL_VERSION } from "@agentclientprotocol/sdk";

/**
 * @typedef {object} EditorOptions
 * @property {string} command
 * @property {string[]} args
 * @property {Record<string, string>} env
 * @property {string} cwd
 * @property {object} [capabilities] clientCapabilities of `initialize`; none by default
 * @property {(request: object) => object} [onPermission]
 * @property {Record<string, (params: object) => unknown>} [handlers] more request handlers, by method
 */

/** Allows once; an agent that offers only "always" gets that. */
const allow = ({ options }) => {
  const option =
    options.find((each) => each.kind === "allow_once") ?? options.find((each) => each.kind === "allow_always");
  return { outcome: option ? { outcome: "selected", optionId: option.optionId } : { outcome: "cancelled" } };
};

/** @param {EditorOptions} options */
export function openEditor({ command, args, env, cwd, capabilities = {}, onPermission = allow, handlers = {} }) {
  const child = spawn(command, args, { env, cwd, stdio: ["pipe", "pipe", "pipe"] });
  const exited = once(child, "exit");
  /** Heard so far: `updates` holds the parameters of session/update, `asked` every request of the other side. */
  const heard = { updates: [], asked: [], stderr: "" };
  child.stderr.setEncoding("utf8").on("data", (text) => (heard.stderr = (heard.stderr + text).slice(-20_000)));

  const app = client({ name: "crucible-test-editor" })
    .onNotification(methods.client.session.update, ({ params }) => void heard.updates.push(params))
    .onRequest(methods.client.session.requestPermission, ({ params }) => {
      heard.asked.push({ method: methods.client.session.requestPermission, params });
      return onPermission(params);
    });
  for (const [method, handler] of Object.entries(handlers)) {
    app.onRequest(method, async ({ params }) => {
      heard.asked.push({ method, params });
      return handler(params);
    });
  }
  const connection = app.connect(ndJsonStream(Writable.toWeb(child.stdin), Readable.toWeb(child.stdout)));
  const agent = connection.agent;

  return {
    heard,
    pid: child.pid,
    exited,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    kill: (signal) => child.kill(signal),
    endInput: () => child.stdin.end(),
    request: (method, params) => agent.request(method, params),
    initialize: () =>
      agent.request(methods.agent.initialize, {
        protocolVersion: PROTOCOL_VERSION,
        clientCapabilities: capabilities,
        clientInfo: { name: "crucible-test-editor", version: "0" },
      }),
    newSession: (sessionCwd, mcpServers = []) =>
      agent.request(methods.agent.session.new, { cwd: sessionCwd, mcpServers }),
    cancel: (sessionId) => agent.notify(methods.agent.session.cancel, { sessionId }),

    /** Runs one prompt and returns its stop reason with the agent's text and the tool calls of this turn. */
    async prompt(sessionId, text) {
      const first = heard.updates.length;
      const reply = await agent.request(methods.agent.session.prompt, { sessionId, prompt: [{ type: "text", text }] });
      const updates = heard.updates.slice(first).filter((each) => each.sessionId === sessionId);
      return { stopReason: reply.stopReason, text: textOf(updates), tools: toolCallsOf(updates) };
    },
  };
}

const textOf = (updates) =>
  updates
    .filter(({ update }) => update.sessionUpdate === "agent_message_chunk")
    .map(({ update }) => update.content.text ?? "")
    .join("");

/** Tool calls with the last state that was told of each. */
function toolCallsOf(updates) {
  const calls = new Map();
  for (const { update } of updates) {
    if (!update.sessionUpdate.startsWith("tool_call")) continue;
    const told = Object.fromEntries(
      Object.entries(update).filter(([, value]) => value !== undefined && value !== null),
    );
    calls.set(update.toolCallId, { ...calls.get(update.toolCallId), ...told });
  }
  return [...calls.values()];
}
