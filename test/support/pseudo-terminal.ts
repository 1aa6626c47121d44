/** A command of crucible in a terminal of its own, as a person has it: what it shows, and what is typed. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { shellCommand } from "../../src/base/text.ts";
import { until } from "./conditions.ts";
import type { TestHome } from "./daemon.ts";

const crucibleProgram = join(import.meta.dirname, "../../bin/crucible.js");

export interface PseudoTerminal {
  /** All that was shown so far, without what colours and moves it. */
  readonly shown: string;
  type(line: string): void;
  /** Waits for something new to be shown, behind all that was waited for before. */
  sees(what: string | RegExp): Promise<void>;
  /** Its exit code. */
  readonly ended: Promise<number | null>;
}

/** `script` of util-linux makes the terminal. `input` is given to the command in place of what is typed. */
export function inTerminal(
  home: TestHome,
  args: readonly string[],
  { input }: { input?: string } = {},
): PseudoTerminal {
  const command = shellCommand([process.execPath, crucibleProgram, ...args, ...home.place]);
  const line = input === undefined ? command : `printf %s ${shellCommand([input])} | ${command}`;
  const child = spawn("script", ["--quiet", "--flush", "--return", "--command", line, "/dev/null"], {
    cwd: home.kiln,
    env: { ...home.env, TERM: "xterm", SHELL: "/bin/sh" },
  });
  let raw = "";
  let seen = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => (raw += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (raw += text));
  child.stdin.on("error", () => {});
  // oxlint-disable-next-line no-control-regex -- escape sequences are what is taken out
  const shown = (): string => raw.replace(/\u001b\[[0-9;]*[A-Za-z]/g, "");
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return {
    get shown() {
      return shown();
    },
    type: (text) => void child.stdin.write(`${text}\n`),
    async sees(what) {
      const found = (): number => {
        const rest = shown().slice(seen);
        const at = typeof what === "string" ? rest.indexOf(what) : rest.search(what);
        return at === -1 ? -1 : seen + at + (typeof what === "string" ? what.length : 1);
      };
      await until(() => found() !== -1, { what: `${String(what)} on the terminal, which shows:\n${shown()}` });
      seen = found();
    },
    ended,
  };
}
