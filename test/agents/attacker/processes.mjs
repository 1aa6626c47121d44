/** What a program does to other processes, and to the machine. */
import { execFile, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { promisify } from "node:util";
import { attempt } from "./raw.mjs";

const run = promisify(execFile);

export const processOps = {
  /** Runs a program; its own failure is a refusal. */
  async exec({ command, args = [], env, cwd }) {
    const { stdout, stderr } = await run(command, args, {
      timeout: 3000,
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
    return stdout + stderr;
  },

  signal({ pid, signal }) {
    process.kill(pid, signal);
  },

  /** One file of every process that can be seen. */
  scan({ file }) {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
    return pids.map((pid) => attempt(() => readFileSync(`/proc/${pid}/${file}`, "latin1")) ?? "").join("\n");
  },

  /** Looks for a text in the writable memory of a process. */
  memory({ pid, mark, length }) {
    const maps = readFileSync(`/proc/${pid}/maps`, "utf8").split("\n");
    const memory = openSync(`/proc/${pid}/mem`, "r");
    try {
      for (const line of maps) {
        const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
        if (from === undefined) continue;
        const [start, end] = [Number.parseInt(from, 16), Number.parseInt(to, 16)];
        const bytes = Buffer.alloc(Math.min(end - start, 1024 * 1024));
        const read = attempt(() => readSync(memory, bytes, 0, bytes.length, start)) ?? 0;
        const at = bytes.subarray(0, read).indexOf(mark);
        if (at !== -1) return bytes.toString("latin1", at, at + length);
      }
    } finally {
      closeSync(memory);
    }
    throw new Error("nothing was found in its memory");
  },

  /**
   * Starts a program that is to outlive the agent: in a session of its own, its parent gone, its descriptors closed, and with
   * nothing left of the environment by which it could be known.
   */
  async outlive({ seconds, how }) {
    const sleep = `trap '' TERM HUP INT; exec sleep ${seconds}`;
    const quiet = "</dev/null >/dev/null 2>&1";
    const commands = {
      setsid: `setsid sh -c "${sleep}" ${quiet} &`,
      "double fork": `( ( cd / && exec setsid sh -c "${sleep}" ) ${quiet} & )`,
      "without its mark": `( ( cd / && exec env -i PATH=/usr/bin:/bin setsid sh -c "${sleep}" ) ${quiet} & )`,
      "own namespaces": `( ( cd / && exec env -i PATH=/usr/bin:/bin setsid unshare -Urpf sh -c "${sleep}" ) ${quiet} & )`,
    };
    const child = spawn("/bin/sh", ["-c", commands[how]], { stdio: "ignore", detached: true });
    await new Promise((resolve) => child.once("exit", resolve));
    return "started";
  },

  /** Many processes that nothing connects with the agent any more, and a wait until somebody would have minded. */
  async crowd({ seconds, count, waitMs, file }) {
    const many = `echo $$ > ${file}; i=0; while [ $i -lt ${count} ]; do sleep ${seconds} & i=$((i+1)); done; wait`;
    const command = `( ( cd / && exec env -i PATH=/usr/bin:/bin setsid sh -c "${many.replaceAll("$", "\\$")}" ) </dev/null >/dev/null 2>&1 & )`;
    spawn("/bin/sh", ["-c", command], { stdio: "ignore", detached: true });
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    process.kill(-Number(readFileSync(file, "utf8")), "SIGKILL");
    return "nobody minded";
  },
};
