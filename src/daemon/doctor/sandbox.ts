/** Whether the sandbox that the configuration asks for works here, tried once for each different set of rules. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AgentProfile, Config } from "../../config/config.ts";
import type { Finding } from "../../control/finding.ts";
import { Boundaries, noKiln } from "../boundaries.ts";
import { explained, type Examination } from "./examination.ts";

export async function checkSandbox(examination: Examination): Promise<Finding[]> {
  const { config, onProgress } = examination;
  if (!config) return [];
  onProgress("trying the sandbox …");
  const byRules = new Map<string, AgentProfile[]>();
  for (const profile of config.agents.values()) {
    const key = JSON.stringify(profile.sandbox);
    byRules.set(key, [...(byRules.get(key) ?? []), profile]);
  }
  const groups = [...byRules.values()];
  return Promise.all(
    groups.map(async ([first, ...others]) => {
      const subject = groups.length === 1 ? "all agents" : [first!, ...others].map(({ name }) => name).join(", ");
      return { check: "sandbox", subject, ...(await tried(first!, { ...examination, config })) };
    }),
  );
}

async function tried(
  profile: AgentProfile,
  { config, stateDirectory, socketPath, env }: Examination & { config: Config },
): Promise<Pick<Finding, "state" | "message" | "remedy">> {
  if (profile.sandbox.mode === "off") {
    const remedy = 'set mode under [sandbox] to "auto" if it is not meant so';
    return { state: "warning", message: "switched off: agents run with all your rights", remedy };
  }
  const folder = mkdtempSync(join(tmpdir(), "crucible-doctor-"));
  try {
    // The way out to listed hosts is a part of a running daemon; what holds an agent is the same without it.
    const withoutNetwork: Config = { ...config, kiln: { ...config.kiln, network: "none" } };
    const openWayOut = (): Promise<string> => Promise.resolve(folder);
    const boundaries = new Boundaries({ config: () => withoutNetwork, stateDirectory, socketPath, openWayOut, env });
    const spec = { label: profile.name, command: process.execPath, args: ["--version"], env: {}, cwd: folder };
    const confined = await boundaries.confine(spec, { profile, worksFor: "agent", kiln: noKiln(folder) });
    confined.started();
    await confined.release();
    const { mechanism, strength, lost } = confined.confinement;
    const message = `${mechanism}, ${strength}${lost.length > 0 ? `; not held: ${lost.join(", ")}` : ""}`;
    const remedy = strength === "advisory" ? "see docs/concepts/security.md for what can be installed" : null;
    return { state: strength === "advisory" ? "warning" : "ok", message, remedy };
  } catch (error) {
    const { message, hint } = explained(error);
    return { state: "broken", message, remedy: hint ?? null };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
