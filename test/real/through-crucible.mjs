/**
 * Takes one real agent through the whole of Crucible, together with a partner of another vendor: as the agent of an
 * editor, as a parent that delegates to the partner, as a child that works for it, cancelled, and gone afterwards; and alone
 * in networks that are limited.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeAgentHome } from "./agent-home.mjs";
import { profileName, startDaemon } from "./crucible-daemon.mjs";
import { startModelServer } from "./model-server.mjs";
import { proveListedModel, proveNoNetwork, proveUnlistedModel } from "./network.mjs";
import { processesMarked, waitForNone } from "./processes.mjs";
import {
  proveCancel,
  proveCopy,
  proveDelegation,
  proveHandoff,
  proveModelCallsEnded,
  provePrompt,
  proveRestored,
  proveToolTexts,
  workOnDisk,
  workReport,
  workScript,
} from "./proofs.mjs";

/** Long enough for an agent that needs some seconds to end itself, and for a busy machine. */
const goneWithinMs = 15_000;

const stepDeadlineMs = 120_000;

/** Sessions end within five seconds of their editor; twice that for a busy machine. */
const leavingMs = 10_000;

/** A command that does not end by itself. Not `sleep`: some agents refuse to wait for that. */
const endless = "tail -n0 -f /dev/null";

/**
 * @typedef {{ agent: import("./agents.mjs").AgentUnderTest, command: string, version: string }} Installed
 * @typedef {object} Findings numbers in milliseconds and megabytes, and words; a proof is `undefined` when it held, else what was seen
 * @property {Record<string, number | string>} measures
 * @property {Record<string, string | undefined>} proofs
 *
 * @param {Installed} subject
 * @param {Installed} partner
 * @param {{ root: string, runtimeDir: string, onStep: (name: string, problem?: string) => void }} options
 * @returns {Promise<Findings>}
 */
export async function examine(subject, partner, { root, runtimeDir, onStep }) {
  const cwd = join(root, "project");
  await mkdir(cwd, { recursive: true });
  const model = await startModelServer();
  const place = { subject, partner, model, cwd, root, runtimeDir, findings: { measures: {}, proofs: {} }, onStep };
  try {
    const profiles = [];
    for (const { agent, command } of [subject, partner]) {
      const { home, env } = await makeAgentHome(agent, { root, modelUrl: model.url });
      profiles.push({ agent, command, home, env });
    }
    await step(place, "start", async () => {
      place.daemon = await startDaemon({ root, runtimeDir, profiles });
    });
    if (!place.daemon) return place.findings;
    await step(place, "doctor", () => proveToolsReach(place));
    await asParent(place);
    await asChild(place);
    await step(place, "gone", () => proveGone(place));
    await inNetworks(place);
  } finally {
    await model.close();
  }
  return place.findings;
}

/** Nobody is spoken to yet: whatever the model hears until then, the doctor has caused. */
async function proveToolsReach({ subject, daemon, model }) {
  const { state, message } = await daemon.doctor(subject.agent.name);
  if (model.requests.length > 0) return `the model was asked: ${model.requests.map(({ path }) => path).join(", ")}`;
  return state === "ok" && message.includes("tools reach it") ? undefined : `${state}: ${message}`;
}

async function asParent(place) {
  const { subject, partner, model, daemon, cwd, root, findings } = place;
  const editor = daemon.editor(profileName(subject.agent.name), cwd);
  let session;
  try {
    await step(place, "open", async () => {
      await measured(findings, "initialize", () => editor.initialize());
      session = await measured(findings, "session/new", () => editor.newSession(cwd));
    });
    if (!session) return;
    const { sessionId } = session;
    await step(place, "prompt", () => measured(findings, "prompt", () => provePrompt(editor, sessionId)));
    findings.measures.memory = memoryOf(subject, root);

    const target = profileName(partner.agent.name);
    const { requests } = model;
    const earlier = "hello from the scripted model";
    await step(place, "tool texts", async () =>
      proveToolTexts(await daemon.offeredTools(subject.agent.name, cwd), requests),
    );
    await step(place, "hands over", () => {
      const [own, others] = [subject.agent.api, partner.agent.api];
      return proveHandoff(editor, sessionId, { agent: target, earlier, own, others, requests });
    });
    await step(place, "copies itself", async () => {
      const { problem, isFork } = await proveCopy(editor, sessionId, { earlier, api: subject.agent.api, requests });
      findings.measures.copy = isFork ? "fork" : "text";
      return problem;
    });
    await step(place, "as parent", () => {
      const task = "SCRIPT: say greetings over {api}";
      return proveDelegation(editor, sessionId, {
        agent: target,
        task,
        expected: `greetings over ${partner.agent.api}`,
      });
    });
    await step(place, "cancel", () => cancelled(editor, sessionId, model, "SCRIPT: hang"));
    await step(place, "cancel a delegation", () => {
      const input = JSON.stringify({ agent: target, task: "SCRIPT: hang" });
      return cancelled(
        editor,
        sessionId,
        model,
        `SCRIPT: call delegate_session ${input}\nSCRIPT: say-last-tool-result`,
      );
    });
    await step(place, "survives the daemon", async () => {
      const death = { kill: () => daemon.kill(), earlier, api: subject.agent.api, requests };
      const { problem, how } = await proveRestored(editor, sessionId, death);
      findings.measures.restored = how;
      return problem;
    });
    await step(place, "editor leaves", () => proveLeaving(editor, sessionId, root));
  } finally {
    editor.endInput();
  }
}

/** The editor's connection ends while the agent runs a command. Agents start those in a group or session of their own. */
async function proveLeaving(editor, sessionId, root) {
  const running = () => processesMarked(root).filter(({ command }) => command.endsWith(endless));
  editor.prompt(sessionId, `SCRIPT: shell ${endless}`).catch(() => {}); // Nobody is there to hear how it ends.
  for (let waited = 0; running().length === 0 && waited < 20_000; waited += 100) await sleep(100);
  if (running().length === 0) return "the command never ran";
  editor.endInput();
  for (let waited = 0; running().length > 0 && waited < leavingMs; waited += 100) await sleep(100);
  return running().length === 0 ? undefined : `the command was still running ${leavingMs / 1000} s later`;
}

/** A cancel counts only if it reached the model, in the child as well. */
async function cancelled(editor, sessionId, model, script) {
  const hangs = () => model.requests.filter((request) => request.reply?.hang).length;
  const before = hangs();
  const { problem } = await proveCancel(editor, sessionId, { script, isHanging: () => hangs() > before });
  return problem ?? (hangs() === before ? "the model never came to hang" : proveModelCallsEnded(model.requests));
}

/** The partner is the editor's agent here; its model gives the subject a task with real effects. */
async function asChild(place) {
  const { subject, partner, daemon, cwd } = place;
  const { name, api } = subject.agent;
  const editor = daemon.editor(profileName(partner.agent.name), cwd);
  try {
    await step(place, "as child", async () => {
      await editor.initialize();
      const { sessionId } = await editor.newSession(cwd);
      const delegation = { agent: profileName(name), task: workScript(cwd, name), expected: workReport(name, api) };
      const problem = await proveDelegation(editor, sessionId, delegation);
      const onDisk = workOnDisk(cwd, name);
      return problem || onDisk ? [onDisk, problem].filter(Boolean).join(" | ") : undefined;
    });
  } finally {
    editor.endInput();
  }
}

async function inNetworks(place) {
  const { subject, root, runtimeDir, findings } = place;
  await step(place, "listed model", () => proveListedModel(subject, { root, runtimeDir }));
  await step(place, "unlisted model", async () => {
    const { problem, hears } = await proveUnlistedModel(subject, { root, runtimeDir });
    findings.measures.unlisted = hears;
    return problem;
  });
  await step(place, "no network", () => proveNoNetwork(subject, { root, runtimeDir }));
}

/** The run's folder stands in the environment of everything that was started, whatever group or session it moved to. */
async function proveGone({ daemon, root, findings }) {
  const notStopped = await daemon.stop().then(
    () => undefined,
    (error) => error.message,
  );
  const left = await waitForNone(root, goneWithinMs);
  findings.measures.leftover = left.length;
  const problems = [notStopped, ...left.map(({ pid, command }) => `left: ${pid} ${command}`)].filter(Boolean);
  return problems.length === 0 ? undefined : problems.join("; ");
}

/** Only the subject's own processes: its home is in their environment, the partner's and the daemon's is not. */
function memoryOf({ agent }, root) {
  const own = processesMarked(join(root, "homes", agent.name));
  return own.reduce((sum, found) => sum + found.memoryMb, 0);
}

async function measured(findings, name, action) {
  const begun = performance.now();
  const result = await action();
  findings.measures[name] = Math.round(performance.now() - begun);
  return result;
}

/** A step that breaks off or does not end is a proof that failed; the others still run. */
async function step({ findings, onStep }, name, proof) {
  try {
    const late = `not done after ${stepDeadlineMs / 1000} s`;
    findings.proofs[name] = await Promise.race([proof(), sleep(stepDeadlineMs, late, { ref: false })]);
  } catch (error) {
    const data = error.data === undefined ? "" : ` ${JSON.stringify(error.data)}`;
    findings.proofs[name] = `broke off: ${error.message ?? JSON.stringify(error)}${data}`;
  }
  onStep(name, findings.proofs[name]);
}
