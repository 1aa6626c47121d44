/** What an agent asks of Crucible: files, terminals, permissions over ACP, and tools over MCP. */
import { spawn } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

export const gateOps = {
  ask: ({ method, params }, attacker) => attacker.ask(method, params),

  /** First a link, then the request through it. */
  askThroughLink({ link, target, method, params }, attacker) {
    rmSync(link, { force: true });
    symlinkSync(target, link);
    return attacker.ask(method, params);
  },

  /** The same request again and again, while another process swaps what lies at `at` between a folder of its own and a link. */
  async askInRace({ at, target, method, params, rounds = 25 }, attacker) {
    rmSync(at, { recursive: true, force: true });
    mkdirSync(at);
    const swapper = spawn(process.execPath, ["-e", swap, at, target], { stdio: "ignore" });
    await new Promise((resolve) => swapper.once("spawn", resolve));
    const heard = new Set();
    try {
      for (let round = 0; round < rounds; round++) {
        const answers = Array.from({ length: 5 }, () => attacker.ask(method, params).then(JSON.stringify, String));
        for (const answer of await Promise.all(answers)) heard.add(answer);
      }
    } finally {
      swapper.kill("SIGKILL");
    }
    return [...heard].join("\n");
  },

  /** Settings and files that git would take a program from, then a task for which Crucible runs git. */
  async ownGit({ files, name, args }, attacker) {
    const before = files.map(({ path }) => [path, readIfThere(path)]);
    for (const { path, text = "", links, instead = false } of files) {
      if (instead) renameSync(path, `${path}.away`);
      mkdirSync(dirname(path), { recursive: true });
      if (!links) appendFileSync(path, text);
      else mkdirSync(path);
      for (const [entry, target] of Object.entries(links ?? {})) symlinkSync(target, `${path}/${entry}`);
      if (links) writeFileSync(`${path}/HEAD`, text);
    }
    try {
      const tools = await attacker.tools();
      return await tools.call(name, args);
    } finally {
      for (const [index, { path, instead = false }] of files.entries()) {
        rmSync(path, { recursive: true, force: true });
        const text = before[index][1];
        if (instead) renameSync(`${path}.away`, path);
        else if (text !== undefined) writeFileSync(path, text);
      }
    }
  },

  async tool({ name, args }, attacker) {
    const tools = await attacker.tools();
    return tools.call(name, args);
  },

  /** A terminal, and what it printed. */
  async terminal({ command, args = [], cwd, env = {} }, attacker) {
    const { terminalId } = await attacker.ask("terminal/create", {
      command,
      args,
      ...(cwd === undefined ? {} : { cwd }),
      env: Object.entries(env).map(([name, value]) => ({ name, value })),
      outputByteLimit: 10_000,
    });
    await attacker.ask("terminal/wait_for_exit", { terminalId });
    const { output } = await attacker.ask("terminal/output", { terminalId });
    await attacker.ask("terminal/release", { terminalId });
    return output;
  },
};

function readIfThere(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

const swap = `
const { renameSync, symlinkSync, rmSync } = require("node:fs");
const [at, target] = process.argv.slice(1);
const end = Date.now() + 3000;
while (Date.now() < end) {
  try {
    renameSync(at, at + ".away"); symlinkSync(target, at);
    rmSync(at); renameSync(at + ".away", at);
  } catch {}
}`;
