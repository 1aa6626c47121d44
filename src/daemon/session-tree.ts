/** The live sessions and delegations as `crucible ps` shows them. */
import type { SessionNode } from "../control/methods.ts";
import type { Delegation } from "../delegation/delegation.ts";
import type { Delegations } from "../delegation/delegations.ts";
import type { SessionRegistry } from "../sessions/registry.ts";
import type { Session } from "../sessions/session.ts";
import { Agent } from "../agents/agent.ts";

export interface TreeParts {
  registry: SessionRegistry;
  delegations: Delegations;
}

export function sessionTree({ registry, delegations }: TreeParts): Promise<SessionNode[]> {
  return Promise.all(registry.roots().map((root) => nodeOf(root, delegations)));
}

async function nodeOf(session: Session, delegations: Delegations): Promise<SessionNode> {
  const children = await Promise.all([...session.children].map((child) => nodeOf(child, delegations)));
  const waiting = delegations.liveOf(session).filter((delegation) => delegation.stage === "queued");
  const agent = session.binding?.peer;
  return {
    sessionId: session.id,
    origin: session.origin,
    agent: session.profile.name,
    state: session.state,
    depth: session.depth,
    cwd: session.cwd,
    startedAt: session.startedAt,
    pid: session.binding?.pid ?? null,
    residentBytes: agent instanceof Agent && agent.alive ? await agent.process.residentBytes() : null,
    sandbox: agent instanceof Agent ? agent.confinement : null,
    delegation: factsOf(delegations.ofChild(session)),
    children: [...children, ...waiting.map((delegation) => waitingNode(delegation, session))],
  };
}

function waitingNode(delegation: Delegation, caller: Session): SessionNode {
  return {
    sessionId: null,
    origin: "delegation",
    agent: delegation.agent,
    state: "queued",
    depth: caller.depth + 1,
    cwd: caller.cwd,
    startedAt: delegation.createdAt,
    pid: null,
    residentBytes: null,
    sandbox: null,
    delegation: factsOf(delegation),
    children: [],
  };
}

function factsOf(delegation: Delegation | undefined): SessionNode["delegation"] {
  return delegation ? { id: delegation.id, title: delegation.title, toolCalls: delegation.toolCalls } : null;
}
