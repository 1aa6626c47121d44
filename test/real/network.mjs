/**
 * What a real agent does as a child whose network `[kiln]` limits: with a list that names its model it works through Crucible's
 * proxy and asks for nothing else; with a list that does not, it hears why; with "none" it ends in bounded time.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeAgentHome } from "./agent-home.mjs";
import { profileName, startDaemon } from "./crucible-daemon.mjs";
import { modelName, startModelProxy } from "./model-proxy.mjs";
import { startModelServer } from "./model-server.mjs";
import { waitForNone } from "./processes.mjs";
import { workOnDisk, workReport, workScript } from "./proofs.mjs";

/** By itself an agent without a model tries again for up to four minutes and more; the one who delegates need not wait for that. */
const timeoutSeconds = 25;

const goneWithinMs = 15_000;

/** Nobody is started for it: it only stands for the one who delegates. */
const caller = (seconds) => `
[acp.agents.caller]
command = "true"
permissions = { default = "allow" }
delegation = { enabled = true, timeout_seconds = ${seconds} }
`;

/**
 * @param {import("./through-crucible.mjs").Installed} subject
 * @param {{ root: string, runtimeDir: string }} place
 */
export async function proveListedModel(subject, place) {
  const { name, api } = subject.agent;
  return inNetwork(subject, { ...place, network: [modelName], seconds: 100 }, async ({ delegate, cwd, asked }) => {
    const { status, result, error } = await delegate(workScript(cwd, name));
    const onDisk = workOnDisk(cwd, name);
    const others = [...new Set(asked)].filter((host) => host !== modelName);
    if (asked.length === 0) return "the model was not asked through the proxy";
    if (others.length > 0) return `the proxy let through: ${others.join(", ")}`;
    return onDisk ?? (result.includes(workReport(name, api)) ? undefined : JSON.stringify({ status, result, error }));
  });
}

/** @returns {Promise<{ problem?: string, hears: string }>} `hears` = whether the agent tells what the proxy said */
export async function proveUnlistedModel(subject, place) {
  const network = ["elsewhere.test"];
  return inNetwork(subject, { ...place, network, seconds: timeoutSeconds }, async ({ delegate, asked, log }) => {
    const { status, result, error } = await delegate("SCRIPT: say reached");
    const told = `${modelName}:80 is not among the hosts of network`;
    const said = `${result} ${error?.message}`;
    const hears = said.includes(told) ? "told why" : `ends as ${status}`;
    if (asked.length > 0) return { hears, problem: `the proxy let through: ${asked.join(", ")}` };
    if (said.includes("reached")) return { hears, problem: "it reached its model" };
    return { hears, problem: log().includes(told) ? undefined : "the refusal is not in the log" };
  });
}

export async function proveNoNetwork(subject, place) {
  return inNetwork(subject, { ...place, network: "none", seconds: timeoutSeconds }, async ({ delegate, asked }) => {
    const { status, result, error, notes = [], session_id: session, duration_ms: ms } = await delegate("SCRIPT: say x");
    const seen = JSON.stringify({ status, result, error, notes, ms });
    if (asked.length > 0) return `the proxy let through: ${asked.join(", ")}`;
    // It has a session, so it has started and initialized without a network.
    const isClear = ["failed", "timed_out"].includes(status) && notes.some((note) => note.includes('network = "none"'));
    return isClear && session !== null && ms < (timeoutSeconds + 20) * 1000 ? undefined : seen;
  });
}

/** A daemon of this proof's own, whose network is limited; nothing of it is left behind. */
async function inNetwork({ agent, command }, { root: above, runtimeDir, network, seconds }, prove) {
  const root = await mkdtemp(join(above, "network-"));
  const cwd = join(root, "project");
  await mkdir(cwd);
  const model = await startModelServer();
  const proxy = await startModelProxy(model.url);
  try {
    const { home, env: all } = await makeAgentHome(agent, { root, modelUrl: `http://${modelName}` });
    // As it comes, Codex runs commands in a sandbox of its own: here within Crucible's, or without it where that cannot be.
    const { INITIAL_AGENT_MODE: _, ...env } = all;
    const settings = `[kiln]\nnetwork = ${JSON.stringify(network)}\n[permissions]\ndefault = "allow"\n${caller(seconds)}`;
    const daemon = await startDaemon({
      root,
      runtimeDir,
      settings,
      profiles: [{ agent, command, home, env }],
      env: { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url },
    });
    const { asked } = proxy;
    const delegate = (task) => daemon.delegate("caller", profileName(agent.name), task, cwd);
    const found = await prove({ delegate, cwd, asked, log: daemon.log });
    await daemon.stop();
    const left = await waitForNone(root, goneWithinMs);
    if (left.length > 0) throw new Error(`left: ${left.map((each) => each.command).join("; ")}`);
    return found;
  } finally {
    await Promise.all([proxy.close(), model.close()]);
    await rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
