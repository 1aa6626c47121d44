/**
 * Whatever agents say, a terminal that shows it does nothing but show it: one row for each page of the command line. A page
 * that is new has to be given a row here.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { DelegationProgress } from "../../../src/base/delegation.ts";
import { CrucibleError, defineError } from "../../../src/base/errors.ts";
import { plainJson } from "../../../src/base/text.ts";
import type { AgentReport } from "../../../src/control/agent-report.ts";
import type { DaemonStatus, SessionNode } from "../../../src/control/methods.ts";
import type { DelegationDetail, SessionDetail, StoredDelegation, StoredSession } from "../../../src/control/stored.ts";
import { agentsText } from "../../../src/cli/render/agents-text.ts";
import { configText } from "../../../src/cli/render/config-text.ts";
import { DelegationTree } from "../../../src/cli/render/delegation-tree.ts";
import { createDemoLog } from "../../../src/cli/render/demo-log.ts";
import { errorText } from "../../../src/cli/render/error-text.ts";
import type { Finding } from "../../../src/control/finding.ts";
import { findingsText } from "../../../src/cli/render/findings-text.ts";
import { explanationText } from "../../../src/cli/render/explanation-text.ts";
import { openLiveTree, type Screen } from "../../../src/cli/render/live-tree.ts";
import { logText } from "../../../src/cli/render/log-text.ts";
import { showProgress } from "../../../src/cli/render/progress-line.ts";
import { questionText } from "../../../src/cli/render/question-text.ts";
import { sessionTreeText } from "../../../src/cli/render/session-tree.ts";
import { statusText } from "../../../src/cli/render/status-text.ts";
import { conversationMarkdown } from "../../../src/cli/render/conversation-markdown.ts";
import { storedDetailText } from "../../../src/cli/render/stored-detail.ts";
import { storedListText } from "../../../src/cli/render/stored-list.ts";
import { styleFor } from "../../../src/cli/render/style.ts";

const style = styleFor({ isTTY: false }, {});

/** Sets the title, clears the screen, rings, starts a sequence in one character, turns text around, forges a line. */
const evil = "\u001b]0;owned\u0007\u001b[2J\u0008\u0000\u009b31m\u0085\u202e\u2066\u200f\u061cx\r\nforged line";

// oxlint-disable-next-line no-control-regex -- that none is left is the point
const commands = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

/** The same shape with the worst text in every place where there is text. */
function hostile<T>(value: T): T {
  if (typeof value === "string") return `${value}${evil}` as T;
  if (Array.isArray(value)) return value.map((one: unknown) => hostile(one)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, hostile(field)])) as T;
}

const node: SessionNode = {
  sessionId: "ses_1",
  origin: "delegation",
  agent: "worker",
  state: "working",
  depth: 1,
  cwd: "/kiln",
  startedAt: 0,
  pid: 1,
  sandbox: null,
  residentBytes: 1,
  delegation: { id: "del_1", title: "a task", toolCalls: 1 },
  children: [],
};

const progress: DelegationProgress = {
  delegationId: "del_1",
  parentId: null,
  agent: "worker",
  title: "a task",
  depth: 1,
  kind: "activity",
  line: "reads a file",
  status: null,
  at: 0,
};

const report: AgentReport = {
  name: "worker",
  from: "own",
  path: "/bin/worker",
  foundIn: "login PATH",
  install: "npm i worker",
  description: "works",
  problem: { code: "CRU_AGENT_START", message: "it said", hint: "do" },
  probe: null,
};

const probe: AgentReport["probe"] = {
  name: "Worker",
  version: "1",
  protocolVersion: 1,
  loadSession: true,
  sessionCapabilities: ["list"],
  promptCapabilities: ["image"],
  mcp: ["stdio"],
  authMethods: ["login"],
  tools: null,
  unreached: [],
  sandbox: { mechanism: "landlock", strength: "partial", lost: ["names"] },
  milliseconds: 1,
  residentBytes: 1,
};

const status = {
  uptimeMs: 1,
  limits: [{ name: "max_agents", used: 1, most: 32 }],
  version: "1",
  pid: 1,
  startedAt: 0,
  socket: "/s",
  configFile: "/c",
  configChange: "/c has changed",
  stateDirectory: "/d",
  logFile: "/l",
  mcpUrl: "http://127.0.0.1:1/mcp",
  tracing: { endpoint: "http://127.0.0.1:4318/v1/traces", trouble: "refused" },
  editors: 0,
  sessions: 0,
  agents: 0,
  delegations: { running: 0, queued: 0 },
  ended: { completed: 1, failed: 0, cancelled: 0, timed_out: 0, refused: 0 },
  relayed: { fromAgents: { messages: 1, bytes: 1 }, toAgents: { messages: 1, bytes: 1 } },
  questions: 0,
  store: { degradedSince: 0, reason: "disk full", lost: 1 },
  residentBytes: 0,
} satisfies DaemonStatus;

const stored: StoredSession = {
  id: "ses_1",
  origin: "editor",
  agent: "worker",
  title: "a title",
  cwd: "/kiln",
  state: "ended",
  createdAt: 0,
  updatedAt: 0,
  endedAt: 0,
  delegations: 1,
  found: "a place",
};

const storedDelegation: StoredDelegation = {
  id: "del_1",
  agent: "worker",
  title: "a task",
  status: "failed",
  sessionId: "ses_2",
  createdAt: 0,
  endedAt: 1,
  resultBytes: 1,
  usage: { tokens: 1, cost: { amount: 1, currency: "EUR" } },
  error: { code: "CRU_X", message: "it said", hint: "do" },
  sandbox: { mechanism: "landlock", strength: "partial", lost: ["names"] },
  delegations: [],
};

const delegationDetail: DelegationDetail = {
  ...storedDelegation,
  callerSessionId: "ses_1",
  task: "do it",
  result: "done",
  stopReason: "end_turn",
  notes: ["noted"],
  artifacts: [],
};

const sessionDetail: SessionDetail = {
  ...stored,
  additionalDirectories: ["/more"],
  usage: { tokens: 1, cost: { amount: 1, currency: "EUR" } },
  endReason: "closed",
  sandbox: { mechanism: "landlock", strength: "partial", lost: ["names"] },
  lineage: [{ id: "ses_0", agent: "parent", title: "above" }],
  messages: 1,
  turns: [{ number: 1, at: 0, prompt: "asked", answer: "said", toolCalls: 1, stopReason: "refusal" }],
  droppedTurns: 1,
  delegationTree: [storedDelegation],
  handoffs: [{ from: "a", agent: "b", beganAt: 0, endedAt: null }],
  permissions: [
    {
      sessionId: "ses_1",
      agent: "worker",
      at: 0,
      kind: "execute",
      subject: "rm",
      title: "remove",
      decision: "denied",
      decidedBy: "a rule",
      detail: "because",
    },
  ],
};

const failure = defineError("CRU_TEST", "agentFailed", "For tests.");

interface Page {
  file: string;
  /** What it shows when every text in it is hostile. */
  shown: () => string;
  /** It may have several lines of an agent's text; elsewhere a line more is a line forged. */
  manyLines?: true;
}

const pages: Record<string, Page> = {
  "crucible ps": {
    file: "session-tree.ts",
    shown: () => sessionTreeText([{ ...hostile(node), children: [hostile(node)] }], { now: 0, style }),
  },
  "crucible delegate, the tree": {
    file: "delegation-tree.ts",
    shown: () => {
      const tree = new DelegationTree();
      tree.add({ ...hostile(progress), kind: "activity", parentId: null });
      return tree.lines({ now: 0, columns: 400, style }).join("\n");
    },
  },
  "crucible delegate, the tree on a screen": {
    file: "live-tree.ts",
    shown: () => {
      let drawn = "";
      const screen: Screen = { isTTY: true, columns: 400, rows: 20, write: (text) => (drawn += text) };
      const before = process.env["TERM"];
      process.env["TERM"] = "xterm";
      try {
        const tree = openLiveTree(screen);
        tree.show({ ...hostile(progress), kind: "activity", parentId: null });
        tree.close();
      } finally {
        if (before === undefined) delete process.env["TERM"];
        else process.env["TERM"] = before;
      }
      // The picture itself is drawn with the cursor and with colours.
      // oxlint-disable-next-line no-control-regex -- these are ours
      return drawn.replaceAll(/\u001b\[\d*[AJm]|\r/g, "");
    },
  },
  "crucible delegate, a question": {
    file: "question-text.ts",
    shown: () =>
      questionText(
        hostile({
          toolCall: {
            title: "make",
            kind: "execute",
            rawInput: { command: "make" },
            locations: [{ path: "/a" }],
          },
          _meta: { crucible: { agent: "worker", task: "a task", depth: 1 } },
        }),
        style,
      ),
  },
  "crucible agents": { file: "agents-text.ts", shown: () => agentsText([hostile(report)], style), manyLines: true },
  "crucible agents --probe": {
    file: "agents-text.ts",
    shown: () => agentsText([hostile({ ...report, problem: null, probe })], style),
  },
  "crucible agents --probe, as it goes": {
    file: "progress-line.ts",
    shown: () => {
      let drawn = "";
      const stream = { isTTY: true, columns: 400, write: (text: string) => (drawn += text) };
      showProgress(stream as unknown as NodeJS.WriteStream).say(evil);
      return drawn.replace("\r\u001b[K", "");
    },
  },
  "crucible explain": {
    file: "explanation-text.ts",
    shown: () =>
      explanationText(
        hostile({
          allowed: false,
          lineage: ["parent"],
          target: "worker",
          because: "it is so",
          sandbox: null,
          daemon: "it has read another file",
          hard_links: [{ directory: "/kiln", own: 1, shared: 0, words: "1 of your own files" }],
          error: { code: "CRU_TEST", message: "no", hint: "do" },
          environment: ["NAME"],
          grant: {
            remaining_depth: 1,
            targets: ["worker"],
            kiln: ["/kiln"],
            result_max_bytes: 1,
            max_concurrent_delegations: 1,
          },
          permissions: {
            deny: [{ rule: "execute:rm *", profile: "worker" }],
            ask: [],
            allow: [],
            default: "ask",
            unattended: "deny",
            ask_timeout_seconds: 1,
            bound_by: ["worker"],
          },
        } as const),
        style,
      ),
  },
  "crucible config show": {
    file: "config-text.ts",
    shown: () =>
      configText(
        hostile({
          file: "/c",
          values: [{ key: "a.b", value: "c", origin: "/c:1" }],
          environment: { claude: ["NAME"] },
        }),
        style,
      ),
  },
  "crucible status": { file: "status-text.ts", shown: () => statusText(hostile(status), { now: 0, style }) },
  "crucible sessions list": { file: "stored-list.ts", shown: () => storedListText([hostile(stored)], style) },
  "crucible sessions show": {
    file: "stored-detail.ts",
    shown: () => storedDetailText({ delegation: hostile(delegationDetail), session: hostile(sessionDetail) }, style),
    manyLines: true,
  },
  "crucible sessions export": {
    file: "conversation-markdown.ts",
    shown: () => {
      const markdown = conversationMarkdown({ delegation: hostile(delegationDetail), session: hostile(sessionDetail) });
      const updates = ["agent_message_chunk", "agent_thought_chunk", "user_message_chunk"].map((sessionUpdate) => ({
        sessionUpdate,
        content: { type: "text", text: evil },
      }));
      const toolCall = { toolCallId: "t", title: evil, kind: evil, status: evil, rawOutput: evil };
      const params = [
        ...[...updates, { sessionUpdate: "tool_call", ...toolCall }].map((update) => ({ update })),
        { prompt: [{ type: "text", text: evil }] },
        { toolCall },
        { answer: { outcome: { optionId: evil } } },
        { error: evil },
        { messages: evil },
      ];
      const methods = ["session/update", "session/prompt", "session/request_permission", "crucible/dropped"];
      const written = params.flatMap((one) =>
        methods.flatMap((method) =>
          ["client", "agent", "crucible"].map((from) =>
            markdown.add({ sessionId: "ses_1", number: 1, at: 0, from, method, params: one }),
          ),
        ),
      );
      return [markdown.begin(), ...written, markdown.end()].join("");
    },
    manyLines: true,
  },
  "crucible logs": {
    file: "log-text.ts",
    shown: () => {
      const fields = hostile({ sessionId: "ses_1", rootId: "ses_2", delegationId: "del_1" });
      return logText({ time: undefined, level: "info", message: hostile("it was so"), fields, line: "" }, style);
    },
    manyLines: true,
  },
  "crucible doctor": {
    file: "findings-text.ts",
    shown: () => {
      const finding: Finding = { check: "agents", subject: "it", state: "ok", message: "is", remedy: "do" };
      return findingsText([{ ...hostile(finding), check: "agents", state: "broken" }], style);
    },
    manyLines: true,
  },
  "crucible demo": {
    file: "demo-log.ts",
    shown: () => {
      let written = "";
      const log = createDemoLog({ style, columns: 200, write: (text) => void (written += text) });
      log.row(hostile("agent"), hostile("says"));
      log.section(hostile("file"), hostile("text"));
      return written;
    },
    manyLines: true,
  },
  "an expected error": {
    file: "error-text.ts",
    shown: () => errorText(new CrucibleError(failure, hostile("it said"), { hint: hostile("do") }), style),
    manyLines: true,
  },
  "a mistake of Crucible's own": {
    file: "error-text.ts",
    shown: () => errorText(new Error(hostile("it said")), style),
    manyLines: true,
  },
};

/** What pages are made of, and shows nothing by itself. */
const materials = ["clock.ts", "sandbox-words.ts", "style.ts", "table.ts"];

test("every page of the command line has its row", () => {
  const files = readdirSync(join(import.meta.dirname, "../../../src/cli/render"));
  const known = new Set([...Object.values(pages).map(({ file }) => file), ...materials]);
  expect(files.filter((file) => !known.has(file))).toEqual([]);
});

test.each(Object.entries(pages))("%s: nothing in it is what a terminal obeys", (_name, { shown }) => {
  const text = shown();
  expect(text).toContain("owned");
  expect(text).not.toMatch(commands);
});

test.each(Object.entries(pages).filter(([, { manyLines }]) => !manyLines))(
  "%s: no line of it is an agent's own",
  (_name, { shown }) => {
    expect(shown()).toContain("forged line");
    expect(shown()).not.toMatch(/^\s*forged line/m);
  },
);

test("JSON for scripts says the same and commands no terminal", () => {
  const value = { text: evil, list: [evil] };
  const printed = plainJson(JSON.stringify(value, null, 2));
  expect(printed).not.toMatch(commands);
  expect(JSON.parse(printed)).toEqual(value);
});
