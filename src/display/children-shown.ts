/**
 * Shows to each editor what becomes of the delegations of its sessions. Its taps stand in the pipes of these sessions and of
 * all below them; sessions of terminals and MCP clients have none, and cost nothing. It shows and never decides: nothing of a
 * delegation depends on it.
 */
import type { Interceptor } from "../acp/interceptor.ts";
import { isRecord, RpcError } from "../acp/wire.ts";
import type { Bus } from "../observe/bus.ts";
import type { DelegationRecord } from "../sessions/records.ts";
import type { Session } from "../sessions/session.ts";
import { ShownTree } from "./shown-tree.ts";

export interface ChildrenShownParts {
  bus: Bus;
  /** A delegation as it is stored. */
  record: (delegationId: string) => DelegationRecord | undefined;
  /** Stores what a root's editor is shown, for whoever opens the conversation later. */
  keep: (root: Session, update: Record<string, unknown>) => void;
  /** Has a child's agent wait before it says more, or go on. */
  holdBack: (child: Session, isHeld: boolean) => void;
}

export class ChildrenShown {
  readonly #parts: ChildrenShownParts;
  readonly #trees = new Map<string, ShownTree>();

  constructor(parts: ChildrenShownParts) {
    this.#parts = parts;
    const { bus } = parts;
    bus.on("delegation.progress", ({ rootId, ...progress }) => this.#show(rootId, (tree) => tree.told(progress)));
    bus.on("permission.asked", ({ rootId, ...question }) => this.#show(rootId, (tree) => tree.asks(question)));
    bus.on("permission.answered", ({ rootId, ...question }) => {
      this.#show(rootId, (tree) => tree.isAnswered(question));
    });
  }

  /** The tap of one session; none where nobody looks. */
  taps(session: Session): Interceptor[] {
    // Whoever a conversation is handed over to speaks in it, and is no child.
    if (session.root.origin !== "editor" || session.origin === "handoff") return [];
    return [session.parent ? this.#tapOfChild(session) : this.#tapOfRoot(session)];
  }

  /** The child of this id below one of the roots, if its editor may cancel it. */
  cancellable(sessionId: string, roots: Iterable<Session>): Session | undefined {
    for (const root of roots) {
      const child = this.#trees.get(root.id)?.cancellable(sessionId);
      if (child) return child;
    }
    return undefined;
  }

  /** An editor has opened this conversation again, and knows nothing of what goes on. */
  reopened(root: Session): void {
    this.#show(root.id, (tree) => tree.showAgain());
  }

  /** The editor of these roots reads slower than is written to it, or has caught up. */
  congested(roots: Iterable<Session>, isCongested: boolean): void {
    for (const root of roots) this.#trees.get(root.id)?.congested(isCongested);
  }

  #show(rootId: string, show: (tree: ShownTree) => void): void {
    const tree = this.#trees.get(rootId);
    if (tree) show(tree);
  }

  #tapOfRoot(root: Session): Interceptor {
    const { record, keep, holdBack } = this.#parts;
    const tree = new ShownTree({ root, record, keep, holdBack });
    let cancels = 0;
    this.#trees.set(root.id, tree);
    root.scope.add("display", () => {
      this.#trees.delete(root.id);
      tree.end();
    });
    return {
      name: "display",

      async clientRequest(request, next) {
        if (request.method !== "session/prompt") return next(request);
        const cancelsBefore = cancels;
        let isCut = false;
        tree.turnBegins();
        try {
          const answer = await next(request);
          isCut = cancels !== cancelsBefore || (isRecord(answer) && answer["stopReason"] === "cancelled");
          return answer;
        } catch (error) {
          // An agent that answers with an error lives on, and so does what it delegated; one that is gone takes it along.
          isCut = cancels !== cancelsBefore || !(error instanceof RpcError);
          throw error;
        } finally {
          await tree.turnEnds(isCut);
        }
      },

      clientNotification(notification, next) {
        if (notification.method === "session/cancel") cancels++;
        next(notification);
      },
    };
  }

  #tapOfChild(session: Session): Interceptor {
    const tree = this.#trees.get(session.root.id);
    tree?.add(session);
    return {
      name: "display",
      agentNotification(notification, next) {
        tree?.hear(session, notification);
        next(notification);
      },
    };
  }
}
