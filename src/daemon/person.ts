/**
 * A person at a terminal as the caller of a delegation: bound by no profile's rules, so that `crucible delegate` can ask any agent
 * and print the whole answer. What they start is bound by its own.
 */
import type { AgentProfile } from "../config/config.ts";

/** A name no profile can have, so that it never counts as part of a cycle. */
const name = "@terminal";

export const person: AgentProfile = {
  name,
  family: undefined,
  lineage: [],
  command: "",
  args: [],
  env: {},
  cwd: undefined,
  description: "",
  model: undefined,
  mode: undefined,
  modelRoles: {},
  instructions: undefined,
  brief: undefined,
  startupTimeoutSeconds: 60,
  idleSeconds: 0,
  configDirs: [],
  // Whatever is not said here is the child's own to say.
  permissions: { default: "allow", deny: [], ask: [], allow: [], unattended: "allow", askTimeoutSeconds: 3600 },
  sandbox: { mode: "auto", accept: "advisory", appliesTo: "children", home: "private" },
  delegation: {
    enabled: true,
    maxDepth: Number.MAX_SAFE_INTEGER,
    allowedTargets: "all",
    resultMaxBytes: Number.MAX_SAFE_INTEGER,
    tools: "delegate",
    dynamicAgents: false,
    keepBackground: false,
    maxConcurrentDelegations: 1,
    maxHandoffDepth: 0,
    maxHandoffsPerSession: 0,
    allowCycles: false,
    waitSeconds: undefined,
    stallSeconds: 1800,
    maxDelegationsPerSession: undefined,
    maxAgentsPerTree: Number.MAX_SAFE_INTEGER,
    maxTokensPerTree: undefined,
    maxCostPerTree: undefined,
    maxSecondsPerTree: undefined,
    timeoutSeconds: undefined,
  },
  install: undefined,
  npmPackage: undefined,
  clientFiles: { read: false, write: false },
};
