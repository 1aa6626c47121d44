/** What `crucible explain` asks: the policy's answer for two profiles by name. */
import { CrucibleError } from "../base/errors.ts";
import type { Environment } from "../base/paths.ts";
import type { Config } from "../config/config.ts";
import { explain, type ExplainedDelegation } from "../delegation/explain.ts";
import { hardLinksIn, inWords } from "../kiln/hard-links.ts";
import { directoryIn } from "../kiln/child-kiln.ts";
import { kilnOf } from "../kiln/open-kiln.ts";
import { effectivePermissions } from "../permissions/effective.ts";
import { foreseen, withTrialBoundaries } from "./sandbox-forecast.ts";
import { otherConfigAt } from "./other-config.ts";
import { profileNamed } from "./profiles.ts";

/** How long each directory is looked through for hard links, in milliseconds: somebody waits. */
const maxLookMs = 1000;

/** Rejects with CRU_AGENT_UNKNOWN when there is no profile `from`; an unknown target is a refusal. */
export async function explainDelegation(
  question: { from: string; target: string; depth: number; cwd: string; env: Environment; socketPath: string },
  config: Config,
): Promise<ExplainedDelegation> {
  const kiln = await reach(question.cwd, config);
  const from = profileNamed(config, question.from);
  const other = await otherConfigAt(question.socketPath, config);
  const daemon = other ? `${other.message}: ${other.remedy}` : null;
  const explanation = explain({ ...question, kiln, from, permissionsOf: effectivePermissions }, config);
  const target = explanation.allowed ? config.agents.get(explanation.target) : undefined;
  if (!target) return { ...explanation, daemon, sandbox: null };
  const directories = explanation.grant?.kiln ?? [];
  const sandbox = await withTrialBoundaries({ config, env: question.env }, ({ boundaries }) =>
    foreseen(boundaries, target, directories),
  );
  const isHeld = (sandbox.sandbox?.strength ?? "advisory") !== "advisory";
  const links = isHeld ? await linksOut(directories) : [];
  return { ...explanation, daemon, sandbox, ...(links.length > 0 ? { hard_links: links } : {}) };
}

async function linksOut(directories: readonly string[]): Promise<NonNullable<ExplainedDelegation["hard_links"]>> {
  const links = directories.map(async (directory) => {
    const found = await hardLinksIn(directory, { ms: maxLookMs });
    return { directory, own: found.own.count, shared: found.shared.count, words: inWords(found) ?? "" };
  });
  return (await Promise.all(links)).filter(({ words }) => words !== "");
}

async function reach(cwd: string, config: Config): Promise<readonly string[] | CrucibleError> {
  try {
    const kiln = kilnOf({ cwd }, config);
    await directoryIn(kiln, cwd);
    return kiln.directories;
  } catch (error) {
    if (error instanceof CrucibleError) return error;
    throw error;
  }
}
