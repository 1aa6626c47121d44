/**
 * A private home for one agent: a folder with its offline settings, and a bare environment that points there.
 * The home's path is also the mark by which left-over processes are found again (see processes.mjs).
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/**
 * @param {import("./agents.mjs").AgentUnderTest} agent
 * @param {{ root: string, modelUrl: string }} place `root` is the folder below which the home is made
 * @returns {Promise<{ home: string, env: Record<string, string> }>} the variables that make this agent work offline
 */
export async function makeAgentHome(agent, { root, modelUrl }) {
  const home = join(root, "homes", agent.name);
  const tmp = join(root, "tmp");
  await mkdir(tmp, { recursive: true });
  for (const [file, text] of Object.entries(agent.files({ home, modelUrl }))) {
    await mkdir(dirname(join(home, file)), { recursive: true });
    await writeFile(join(home, file), text);
  }
  const env = {
    HOME: home,
    XDG_CONFIG_HOME: join(home, ".config"),
    XDG_DATA_HOME: join(home, ".local/share"),
    XDG_STATE_HOME: join(home, ".local/state"),
    XDG_CACHE_HOME: join(home, ".cache"),
    TMPDIR: tmp,
    ...agent.env({ home, modelUrl }),
  };
  for (const folder of [home, env.XDG_CONFIG_HOME, env.XDG_DATA_HOME, env.XDG_STATE_HOME, env.XDG_CACHE_HOME]) {
    await mkdir(folder, { recursive: true });
  }
  return { home, env };
}

/** What a process needs besides its own settings; nothing of the caller's keys or configuration. */
export const bareEnv = () => ({ PATH: process.env.PATH, LANG: "C.UTF-8", USER: process.env.USER ?? "tester" });
