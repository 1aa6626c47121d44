/**
 * The taps of a session's pipe, and their order: the first stands next to the client. This is the one place that states it.
 */
import type { Interceptor } from "../acp/interceptor.ts";
import { Agent } from "../agents/agent.ts";
import { openingWords, takesSystemPrompt } from "../agents/instructions.ts";
import { atWork } from "../delegation/at-work.ts";
import { cascade } from "../delegation/cascade.ts";
import type { Delegations } from "../delegation/delegations.ts";
import type { Handoffs } from "../delegation/handoff.ts";
import { revival } from "../editor/revival.ts";
import { gate } from "../kiln/gate.ts";
import type { StartCommand } from "../kiln/terminals.ts";
import type { ChildrenShown } from "../display/children-shown.ts";
import type { Bus } from "../observe/bus.ts";
import type { Permissions } from "../permissions/permissions.ts";
import type { Store } from "../sessions/records.ts";
import type { Session } from "../sessions/session.ts";
import { isHeldBySandbox } from "../sandbox/confinement.ts";
import { recorder } from "../sessions/recorder.ts";
import { turns } from "../sessions/turns.ts";

export interface PipelineParts {
  store: Store;
  delegations: Delegations;
  handoffs: Handoffs;
  permissions: Permissions;
  startCommand: StartCommand;
  shown: ChildrenShown;
  bus: Bus;
}

export function pipeline(
  session: Session,
  { store, delegations, handoffs, permissions, startCommand, shown, bus }: PipelineParts,
): readonly Interceptor[] {
  const { instructions } = session.profile;
  const given = (): boolean => session.binding?.peer instanceof Agent && takesSystemPrompt(session.binding.peer);
  return [
    // What the editor is shown of a turn's children comes before the answer of that turn.
    ...shown.taps(session),
    // A cancel reaches the delegations before anything else can hold it up.
    cascade(session, delegations),
    turns(session, bus),
    recorder(session, store),
    // Of use to whoever may pass the conversation on; before anything of Crucible's is added to it.
    ...(!session.parent || session.grant.remainingDepth > 0 ? [session.transcript.tap(session)] : []),
    // Whoever has the conversation instead of its first agent speaks through the taps above.
    ...handoffs.taps(session),
    // Whoever is behind has to be there before anything is added for it.
    ...(session.client.reviver ? [revival(session)] : []),
    ...(instructions ? [openingWords(instructions, given)] : []),
    permissions.interceptor(session),
    gate(session, {
      check: (one, act) => permissions.check(one, act),
      onRefused: (one, act, { message }) => permissions.refusedBy("kiln", { session: one, act, detail: message }),
      onWritten: (written) => delegations.ofChild(session)?.wrote(written),
      onRan: (ran) => delegations.ofChild(session)?.ran(ran),
      startCommand,
      isHeld: () => session.binding?.peer instanceof Agent && isHeldBySandbox(session.binding.peer.confinement),
    }),
    // Next to the agent: what comes after the end of a task reaches nobody.
    ...atWork(session, delegations),
  ];
}
