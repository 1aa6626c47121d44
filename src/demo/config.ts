/** The demo's crucible.toml: two profiles that run the demo agents which ship with Crucible. */
import { fileURLToPath } from "node:url";

/** The profile that gets the user's prompt. */
export const plannerProfile = "demo-planner";

/** The profile that the planner delegates to. */
export const workerProfile = "demo-worker";

export interface DemoConfigOptions {
  /** Pause between two steps of a demo agent in milliseconds, so that people can follow; 0 for tests. */
  paceMs: number;
}

/** Text of a crucible.toml that a daemon runs the demo with. */
export function demoConfig({ paceMs }: DemoConfigOptions): string {
  return `[acp]
default_agent = "${plannerProfile}"

[acp.agents.${plannerProfile}]
${startLines("planner.js", paceMs)}
description = "demo agent: splits a request into tasks and puts the answers together"

[acp.agents.${plannerProfile}.delegation]
enabled = true
max_depth = 1
allowed_targets = ["${workerProfile}"]

[acp.agents.${workerProfile}]
${startLines("worker.js", paceMs)}
description = "demo agent: reads notes and writes one file about them"
`;
}

function startLines(program: string, paceMs: number): string {
  // From src/ as from dist/, what runs is compiled.
  const file = fileURLToPath(new URL(`../../dist/demo/${program}`, import.meta.url));
  return `command = ${tomlString(process.execPath)}\nargs = [${tomlString(file)}, "--pace", "${paceMs}"]`;
}

/** A basic string of TOML is written as one of JSON; `$${` is how crucible.toml spells a plain `${`. */
function tomlString(text: string): string {
  return JSON.stringify(text.replaceAll("${", "$${"));
}
