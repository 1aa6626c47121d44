/**
 * The PATH that the user has in a terminal. Editors, and daemons that editors start, often have a bare one; the login shell
 * knows better. It is asked once and only when something was not found; what its start files print besides is ignored, and
 * a shell that hangs or fails costs three seconds and is told as a reason, not as an error.
 */
import { userInfo } from "node:os";
import { delimiter, isAbsolute } from "node:path";
import { messageOf } from "../base/errors.ts";
import { newToken } from "../base/ids.ts";
import { homeDirectory, type Environment } from "../base/paths.ts";
import { formatBytes, formatDuration } from "../base/text.ts";
import { captureOutput } from "../process/capture.ts";

/** How long the login shell may take, in milliseconds. */
export const loginShellTimeoutMs = 3000;

/** What it may print, in bytes, before it counts as having no answer. */
export const maxShellOutputBytes = 1024 * 1024;

const shellsThatAnswerNothing = /\/(nologin|false)$/;

export interface LoginPath {
  /** Absolute folders in their order; empty when the shell did not tell. */
  readonly folders: readonly string[];
  /** The shell that was asked. */
  readonly shell: string | undefined;
  /** Why there is no answer, as the end of a sentence. */
  readonly problem: string | undefined;
}

/** Asks the login shell the first time, and gives the same answer from then on. Never rejects. */
export type AskLoginPath = () => Promise<LoginPath>;

export function createLoginPath(env: Environment, { timeoutMs = loginShellTimeoutMs } = {}): AskLoginPath {
  let answer: Promise<LoginPath> | undefined;
  return () => (answer ??= askShell(env, timeoutMs));
}

/** The absolute folders in a PATH. Relative ones would mean programs of the opened project, and are left out. */
export function foldersOf(path: string | undefined): string[] {
  return [...new Set((path ?? "").split(delimiter).filter(isAbsolute))];
}

async function askShell(env: Environment, timeoutMs: number): Promise<LoginPath> {
  const shell = env["SHELL"] || userInfo().shell || undefined;
  if (shell === undefined || shellsThatAnswerNothing.test(shell)) {
    return { folders: [], shell, problem: "there is no login shell" };
  }
  const mark = newToken();
  const answer = new RegExp(`${mark}<(.*)>${mark}`, "s");
  try {
    const output = await captureOutput(
      {
        label: `the login shell ${shell}`,
        command: shell,
        // The inner shell is the same everywhere, whatever the language of the outer one.
        args: ["-lic", `/bin/sh -c 'printf "%s<%s>%s" ${mark} "$PATH" ${mark}'`],
        env: shellEnvironment(env),
        cwd: homeDirectory(env),
      },
      { timeoutMs, maxBytes: maxShellOutputBytes, isComplete: (text) => answer.test(text) },
    );
    if (output === undefined) {
      return {
        folders: [],
        shell,
        problem: `${shell} did not tell its PATH within ${formatDuration(timeoutMs)} and ${formatBytes(maxShellOutputBytes)}`,
      };
    }
    const folders = foldersOf(answer.exec(output)?.[1]);
    return { folders, shell, problem: folders.length > 0 ? undefined : `${shell} did not tell its PATH` };
  } catch (error) {
    return { folders: [], shell, problem: messageOf(error) };
  }
}

function shellEnvironment(env: Environment): Record<string, string> {
  const own = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return {
    ...Object.fromEntries(own),
    TERM: "dumb",
    // Well-known ways in which start files would wait for an answer or take over the terminal.
    DISABLE_AUTO_UPDATE: "true",
    ZSH_TMUX_AUTOSTART: "false",
    POWERLEVEL9K_INSTANT_PROMPT: "off",
  };
}
