/**
 * The life of the daemon as a process: start, signals, end. The first signal ends gracefully, the second one at once, and both
 * say so. A mistake of Crucible's own ends it gracefully too, with its stack in the log.
 */
import { deferred } from "../base/deferred.ts";
import { exitCodes, messageOf } from "../base/errors.ts";
import type { LogLevel } from "../config/config.ts";
import { closeInheritedDescriptors } from "../process/inherited-descriptors.ts";
import { startDaemon, type Daemon } from "./daemon.ts";

export interface ServeOptions {
  configFile: string | undefined;
  socket: string | undefined;
  logLevel: LogLevel | undefined;
  handStarted: boolean;
  onReady: (socketPath: string) => void;
  /** A line for the person who watches. */
  onNotice: (line: string) => void;
}

const signalCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/** Serves until it is told to end; resolves to the exit code. Rejects when it cannot start. */
export async function serve(options: ServeOptions): Promise<number> {
  const ending = deferred<number>();
  let daemon: Daemon | undefined;

  const onSignal = (signal: keyof typeof signalCodes): void => {
    if (!ending.settled) return ending.resolve(signalCodes[signal]);
    options.onNotice("forced to end: killing what is left");
    daemon?.killAllNow();
    daemon?.abandonSocket();
    process.exit(signalCodes[signal]);
  };
  const onBug = (error: unknown): void => {
    const stack = error instanceof Error ? error.stack : undefined;
    options.onNotice(`this is a bug in crucible; it ends now: ${stack ?? messageOf(error)}`);
    ending.resolve(exitCodes.bug);
  };
  const onHangUp = (): void => {
    try {
      daemon?.reload();
    } catch (error) {
      options.onNotice(`configuration not reloaded, the old one stays: ${messageOf(error)}`);
    }
  };

  closeInheritedDescriptors();
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal).on("SIGHUP", onHangUp);
  process.on("uncaughtException", onBug).on("unhandledRejection", onBug);
  try {
    daemon = await startDaemon({ ...options, onStopRequested: () => ending.resolve(exitCodes.ok) });
    options.onReady(daemon.socketPath);
    const code = await ending.promise;
    const { agentCount } = daemon;
    if (agentCount > 0) options.onNotice(`ending ${agentCount} agents; a second signal ends at once`);
    await daemon.close();
    return code;
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal).off("SIGHUP", onHangUp);
    process.off("uncaughtException", onBug).off("unhandledRejection", onBug);
  }
}
