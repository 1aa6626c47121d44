/** What is told of an agent that did not start, or has gone: why, the last it wrote to stderr, and what to try. */
import { timedOut } from "../base/deadline.ts";
import { CrucibleError, messageOf } from "../base/errors.ts";
import { formatDuration, shellCommand } from "../base/text.ts";
import type { AgentProfile } from "../config/config.ts";
import type { ProcessExit, RunningProcess } from "../process/child.ts";
import { agentStart } from "../process/errors.ts";
import { isHeldBySandbox, type Confinement } from "../sandbox/confinement.ts";
import { agentExited } from "./errors.ts";

interface Failed {
  readonly profile: AgentProfile;
  readonly process: RunningProcess;
  readonly confinement: Confinement;
  readonly unreached: readonly string[];
}

export function silent(agent: Failed, method: string, timeoutMs: number): CrucibleError {
  const { profile, process } = agent;
  return agentStart.create(
    `agent ${profile.name} did not answer ${method} within ${formatDuration(timeoutMs)}${lastWords(process)}`,
    {
      hint:
        `${sandboxWords(agent)}check that \`${commandLine(profile)}\` speaks ACP on its standard input and output, ` +
        "or raise startup_timeout_seconds of its profile",
    },
  );
}

/** What it answered to `initialize`, as an error of ours. */
export function asStartError({ profile }: Failed, error: unknown): unknown {
  if (error instanceof CrucibleError) return error;
  return agentStart.create(`agent ${profile.name} answered initialize with an error: ${messageOf(error)}`, {
    hint: `check that \`${commandLine(profile)}\` speaks ACP on its standard input and output`,
    cause: error,
  });
}

export function speaksSomethingElse({ profile }: Failed, characters: number): CrucibleError {
  return agentStart.create(
    `agent ${profile.name} does not speak ACP: it wrote ${characters} characters of something else and no answer to initialize`,
    { hint: `check the command of its profile: ${commandLine(profile)}` },
  );
}

/** `exit`: how its process ended, if that is known by now. */
export function hasGone(
  agent: Failed,
  { exit, isStarted }: { exit: ProcessExit | typeof timedOut; isStarted: boolean },
): CrucibleError {
  const { profile, process } = agent;
  const when = isStarted ? "" : " before it had answered initialize";
  const code = isStarted ? agentExited : agentStart;
  return code.create(`agent ${profile.name} ${howItEnded(exit)}${when}${lastWords(process)}`, {
    hint: `${wasEnded(exit) ? "" : sandboxWords(agent)}try it on its own: ${commandLine(profile)}`,
  });
}

/** That it may have missed something in its sandbox, and how to give it that. Empty for one that is in none of ours. */
function sandboxWords({ confinement, unreached }: Failed): string {
  if (!isHeldBySandbox(confinement)) return "";
  const missed = unreached.map((sentence) => `${sentence}; `).join("");
  return `it ran in a sandbox (${confinement.mechanism}): ${missed}name what it misses under read or write of [kiln]; else `;
}

/** By somebody else, whatever it found in its sandbox. */
function wasEnded(exit: ProcessExit | typeof timedOut): boolean {
  return exit !== timedOut && exit.signal !== null;
}

function howItEnded(exit: ProcessExit | typeof timedOut): string {
  if (exit === timedOut) return "closed its output";
  return exit.signal ? `was ended by ${exit.signal}` : `exited with code ${exit.code}`;
}

function lastWords(running: RunningProcess): string {
  const tail = running.stderrTail().trim();
  return tail === "" ? "" : `; the last it wrote to stderr:\n${tail}`;
}

function commandLine(profile: AgentProfile): string {
  return shellCommand([profile.command, ...profile.args]);
}
