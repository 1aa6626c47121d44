/**
 * The tap that keeps a conversation going when the agent behind it has gone, whether it died or the daemon did: what is asked
 * next has an agent put there again, and an agent that does not remember the conversation is told it with the next prompt. How
 * an agent is put there is not its business.
 */
import type { Interceptor, Request } from "../acp/interceptor.ts";
import { isRecord } from "../acp/wire.ts";
import { Agent } from "../agents/agent.ts";
import { agentExited } from "../agents/errors.ts";
import { deferred } from "../base/deferred.ts";
import type { Session } from "../sessions/session.ts";

export function hasAgent({ binding }: Session): boolean {
  return binding?.peer instanceof Agent && binding.peer.alive;
}

export function revival(session: Session): Interceptor {
  let reviving: Promise<void> | undefined;
  let withdrawn = deferred<typeof cancelled>();

  async function whenRevived(request: Request, next: (request: Request) => Promise<unknown>): Promise<unknown> {
    reviving ??= Promise.resolve(session.client.reviver?.revive(session)).finally(() => (reviving = undefined));
    if (request.method !== "session/prompt") {
      await reviving;
      return next(request);
    }
    const stopped = await Promise.race([reviving, withdrawn.promise, aborted(request.signal)]);
    return stopped ?? ask(request, next);
  }

  async function ask(request: Request, next: (request: Request) => Promise<unknown>): Promise<unknown> {
    try {
      return await next(withRecap(request, session));
    } catch (error) {
      throw agentExited.matches(error) ? sendAgain(error) : error;
    }
  }

  return {
    name: "revival",

    clientRequest(request, next) {
      if (!hasAgent(session)) return whenRevived(request, next);
      return request.method === "session/prompt" ? ask(request, next) : next(request);
    },

    clientNotification(notification, next) {
      if (hasAgent(session)) return next(notification);
      // Nobody is there to be told but those who wait for an agent.
      if (notification.method !== "session/cancel") return;
      withdrawn.resolve(cancelled);
      withdrawn = deferred();
    },
  };
}

const cancelled = { stopReason: "cancelled" } as const;

function aborted(signal: AbortSignal): Promise<typeof cancelled> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(cancelled);
    signal.addEventListener("abort", () => resolve(cancelled), { once: true });
  });
}

function withRecap(request: Request, session: Session): Request {
  const { params } = request;
  const prompt = isRecord(params) && Array.isArray(params["prompt"]) ? (params["prompt"] as unknown[]) : [];
  // A slash command has to stand first; what has to be told waits for the prompt after it.
  if (!isRecord(params) || isCommand(prompt)) return request;
  const recap = session.client.reviver?.takeRecap(session);
  if (recap === undefined) return request;
  return { ...request, params: { ...params, prompt: [{ type: "text", text: `${recap}\n\n` }, ...prompt] } };
}

function isCommand([first]: readonly unknown[]): boolean {
  return isRecord(first) && typeof first["text"] === "string" && first["text"].startsWith("/");
}

function sendAgain(error: Error): Error {
  return agentExited.create(error.message, {
    hint: "send your message again: the agent is started anew and goes on with the conversation",
    cause: error,
  });
}
