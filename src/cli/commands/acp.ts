/** `crucible acp`: what an editor runs. A pipe to the daemon that outlives it; everything else is loaded only when it is needed. */
import { acpDialect } from "../lasting-bridge/acp-dialect.ts";
import { runLasting, type PlaceOptions } from "./lasting.ts";

export interface AcpOptions extends PlaceOptions {
  agent: string | undefined;
  /** Run the agent's login of this name in the terminal instead; what editors append (ACP, "Authentication"). */
  terminalAuth: string | undefined;
}

export async function acp(options: AcpOptions): Promise<number> {
  const { agent, terminalAuth, ...place } = options;
  if (terminalAuth !== undefined) {
    const { logIn } = await import("./terminal-login.ts");
    return logIn({ ...options, method: terminalAuth });
  }
  return runLasting({ ...place, dialect: acpDialect, hello: (facts) => ({ door: "editor", agent, ...facts }) });
}
