/** Whether the sandbox that the configuration asks for works here, tried once for each different set of rules. */
import type { AgentProfile, Config } from "../../config/config.ts";
import type { Finding } from "../../control/finding.ts";
import { foreseen, withTrialBoundaries, type Forecast } from "../sandbox-forecast.ts";
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

async function forecast(
  profile: AgentProfile,
  place: { config: Config; env: Examination["env"] },
): Promise<Pick<Forecast, "sandbox"> & { error: { message: string; hint?: string | null | undefined } | null }> {
  try {
    return await withTrialBoundaries(place, ({ boundaries }) => foreseen(boundaries, profile, []));
  } catch (error) {
    return { sandbox: null, error: explained(error) };
  }
}

async function tried(
  profile: AgentProfile,
  { config, env }: Examination & { config: Config },
): Promise<Pick<Finding, "state" | "message" | "remedy">> {
  if (profile.sandbox.mode === "off") {
    const remedy = 'set mode under [sandbox] to "auto" if it is not meant so';
    return { state: "warning", message: "switched off: agents run with all your rights", remedy };
  }
  const { sandbox, error } = await forecast(profile, { config, env });
  if (!sandbox)
    return { state: "broken", message: error?.message ?? "it cannot be tried", remedy: error?.hint ?? null };
  const { mechanism, strength, lost } = sandbox;
  const message = `${mechanism}, ${strength}${lost.length > 0 ? `; not held: ${lost.join(", ")}` : ""}`;
  const remedy = strength === "advisory" ? "see docs/concepts/security.md for what can be installed" : null;
  return { state: strength === "advisory" ? "warning" : "ok", message, remedy };
}
