/**
 * Installs the agents from npm into a cache outside the repository, one prefix for each, once for each version.
 * The cache must not lie in the temporary folder: Codex refuses to run shell commands when its home does.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

export const cacheRoot = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "crucible-test-agents");

/**
 * @param {import("./agents.mjs").AgentUnderTest} agent
 * @returns {Promise<{ command: string, version: string }>}
 */
export async function installAgent(agent) {
  const prefix = join(cacheRoot, agent.name);
  const stamp = join(prefix, "installed.json");
  const wanted = JSON.stringify(agent.packages);
  if (!existsSync(stamp) || (await readFile(stamp, "utf8")) !== wanted) {
    await rm(prefix, { recursive: true, force: true });
    await mkdir(prefix, { recursive: true });
    await npmInstall(agent, prefix);
    // Written last: an installation that was interrupted has no stamp and is done again.
    await writeFile(stamp, wanted);
  }
  const manifest = join(prefix, "node_modules", agent.versionOf, "package.json");
  return {
    command: join(prefix, "node_modules", ".bin", agent.bin),
    version: JSON.parse(await readFile(manifest, "utf8")).version,
  };
}

async function npmInstall(agent, prefix) {
  const specs = Object.entries(agent.packages).map(([name, version]) => `${name}@${version}`);
  const flags = [
    "--prefix",
    prefix,
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    ...(agent.newerNode ? ["--force"] : []),
  ];
  const npm = spawn("npm", ["install", ...flags, ...specs], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [npm.stdout, npm.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
  const [code] = await once(npm, "close");
  if (code !== 0) throw new Error(`npm install of ${specs.join(" ")} failed with ${code}:\n${said.slice(-2000)}`);
}
