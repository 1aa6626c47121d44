/**
 * Starts the commands that child sessions run in terminals: on this machine, recorded and ended like agents. What a command
 * prints on either output comes in its own order over stdout; it has no input. They run in the sandbox of their session's agents.
 */
import type { Command, StartCommand } from "../kiln/terminals.ts";
import type { Launcher } from "../process/child.ts";
import type { AgentPrograms } from "./agent-programs.ts";
import type { Boundaries, Boundary } from "./boundaries.ts";
import { launchConfined } from "./confined-launch.ts";

export interface CommandParts {
  launcher: Launcher;
  programs: AgentPrograms;
  boundaries: Boundaries;
}

export function commandStarter({ launcher, programs, boundaries }: CommandParts): StartCommand {
  return async ({ profile, parent, kiln }, command) => {
    const own = await programs.commandEnvironment(profile, command.cwd);
    const spec = {
      label: `a command of ${profile.name}`,
      command: "/bin/sh",
      args: ["-c", 'exec "$@" </dev/null 2>&1', "sh", ...programOf(command)],
      cwd: command.cwd,
      env: { ...own, ...command.env },
    };
    const boundary: Boundary = { profile, kiln, worksFor: parent ? "agent" : "editor", isAgentsCommand: true };
    return (await launchConfined({ spec, boundary, boundaries, launcher })).running;
  };
}

/** Some agents give a program and its arguments, some a line for a shell. */
function programOf({ words }: Command): readonly string[] {
  const [line] = words;
  return words.length > 1 || /^[\w@%+=:,./~-]+$/.test(line) ? words : ["/bin/sh", "-c", line];
}
