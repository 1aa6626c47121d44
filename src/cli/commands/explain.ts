/**
 * `crucible explain`: would this delegation be allowed, which rule decides, and what could the child do. Needs no daemon; of one that
 * runs it says whether it has read the same configuration.
 */
import { resolve } from "node:path";
import { exitCodes } from "../../base/errors.ts";
import { usageError } from "../errors.ts";
import { explanationText } from "../render/explanation-text.ts";
import { styleFor } from "../render/style.ts";
import { resolveSocketPath } from "../socket-path.ts";
import { untilSignal } from "../signals.ts";
import { print, printJson } from "../terminal.ts";
import { workingDirectory } from "../working-directory.ts";

export interface ExplainOptions {
  depth: string | undefined;
  cwd: string | undefined;
  config: string | undefined;
  socket: string | undefined;
  json: boolean;
}

/** Resolves to 0 when it would be allowed, and to the exit code of a refusal when not. */
export function explainCommand(args: readonly string[], options: ExplainOptions): Promise<number> {
  // What was tried meanwhile is taken back by then.
  return untilSignal(() => explained(args, options));
}

async function explained(args: readonly string[], options: ExplainOptions): Promise<number> {
  const [from = "", target = ""] = args;
  const { env } = process;
  const request = { env, cwd: workingDirectory(), handStarted: true };
  const { loadConfig } = await import("../../config/load.ts");
  const config = loadConfig({ ...request, file: options.config });
  const socketPath = await resolveSocketPath({ ...request, config: options.config, socket: options.socket });
  const { explainDelegation } = await import("../../daemon/explain.ts");
  const explanation = await explainDelegation(
    { from, target, depth: depthOf(options.depth), cwd: resolve(request.cwd, options.cwd ?? ""), env, socketPath },
    config,
  );
  await (options.json ? printJson(explanation) : print(explanationText(explanation, styleFor(process.stdout))));
  return explanation.allowed ? exitCodes.ok : exitCodes.refused;
}

function depthOf(text: string | undefined): number {
  const depth = Number(text ?? 0);
  if (Number.isInteger(depth) && depth >= 0 && depth <= 16) return depth;
  throw usageError.create(`expected --depth to be a whole number from 0 to 16, got ${JSON.stringify(text)}`, {
    hint: "0 is a session opened by an editor, 1 its child",
  });
}
