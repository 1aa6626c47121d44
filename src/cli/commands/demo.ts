/**
 * `crucible demo`: a true delegation for somebody who has no agent yet. Real processes, the real daemon, real files in a
 * temporary folder; only the agents are small ones without a model.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isRecord } from "../../acp/wire.ts";
import { exitCodes } from "../../base/errors.ts";
import { programVersion } from "../../base/version.ts";
import { createDemoKiln } from "../../demo/kiln.ts";
import { demoDelegations, demoTask } from "../../demo/tasks.ts";
import { openStage, type Editor } from "../demo-stage.ts";
import { createDemoStory } from "../demo-story.ts";
import { createDemoLog, type DemoLog } from "../render/demo-log.ts";
import { styleFor } from "../render/style.ts";
import { cancelOnSignals } from "../signals.ts";
import { print } from "../terminal.ts";

/** Slow enough to follow, quick enough not to be waited for. */
const paceMs = 100;
const maxColumns = 110;

export async function demo({ keep }: { keep: boolean }): Promise<number> {
  const style = styleFor(process.stdout);
  const columns = Math.min(process.stdout.columns || maxColumns, maxColumns);
  const log = createDemoLog({ style, columns, write: (text) => void print(text) });
  await print(
    `${style.accent("Crucible demo")}: an editor, a daemon, and agents that delegate; no key, no network, no model.\n\n`,
  );
  using cancellation = cancelOnSignals(() => {});
  const kiln = await createDemoKiln();
  const story = createDemoStory(log);
  try {
    const { signal } = cancellation;
    const stage = await openStage({ paceMs, keepFolder: keep, signal, onDaemonLog: (line) => story.daemonLog(line) });
    try {
      log.row("daemon", `crucible serve, process ${stage.daemonPid}, listens on unix:${stage.socketPath}`);
      const editor = await stage.openEditor(kiln.folder, story.editor);
      log.row("editor", `crucible acp, process ${editor.pid}, a byte pipe between the editor and the daemon`);
      await converse(editor, { folder: kiln.folder, notes: kiln.notes, log, signal });
      story.flush();
    } finally {
      await stage.close();
    }
    for (const { file } of demoDelegations) log.section(file, await readFile(join(kiln.folder, file), "utf8"));
    await print(`\n${closingWords({ agents: story.agentCount, kept: keep ? [kiln.folder, stage.folder] : [] })}\n`);
    return exitCodes.ok;
  } catch (error) {
    if (cancellation.exitCode !== undefined) return cancellation.exitCode;
    throw error;
  } finally {
    if (!keep) await kiln.remove();
  }
}

interface Conversation {
  folder: string;
  notes: readonly string[];
  log: DemoLog;
  signal: AbortSignal;
}

/** What an editor says: initialize, a session, one prompt. */
async function converse(editor: Editor, { folder, notes, log, signal }: Conversation): Promise<void> {
  const ask = async (method: string, params: unknown): Promise<Record<string, unknown>> => {
    signal.throwIfAborted();
    const answer = await editor.request(method, params);
    return isRecord(answer) ? answer : {};
  };
  const clientInfo = { name: "crucible-demo", version: programVersion() };
  const { agentInfo } = await ask("initialize", { protocolVersion: 1, clientCapabilities: {}, clientInfo });
  log.row("editor", `initialize: it talks to "${isRecord(agentInfo) ? String(agentInfo["title"]) : "?"}"`);
  const { sessionId } = await ask("session/new", { cwd: folder, mcpServers: [] });
  log.row("editor", `session/new in ${folder}, where there are ${notes.join(", ")}`);

  const cancel = (): void => editor.notify("session/cancel", { sessionId });
  signal.addEventListener("abort", cancel, { once: true });
  log.row("you", demoTask);
  const { stopReason } = await ask("session/prompt", { sessionId, prompt: [{ type: "text", text: demoTask }] });
  signal.throwIfAborted();
  log.row("editor", `the turn has ended: ${String(stopReason)}`);
}

function closingWords({ agents, kept }: { agents: number; kept: readonly string[] }): string {
  const folders = kept.length === 0 ? "the folders are removed" : `kept: ${kept.join(" and ")}`;
  return [
    `The daemon, the editor's bridge and ${agents} agents ran as processes of their own; none is left, ${folders}.`,
    "Next: `crucible agents` shows which agents you have, `crucible delegate AGENT 'TASK'` gives one of them work.",
  ].join("\n");
}
