/**
 * The configuration in force, and how it is replaced: as a transaction. A new file is read and checked whole; if anything is
 * wrong with it, the old configuration stays.
 */
import { messageOf } from "../base/errors.ts";
import { changeSince } from "../config/change.ts";
import type { Config } from "../config/config.ts";
import { diffConfig } from "../config/diff.ts";
import { loadWithOrigins } from "../config/load.ts";
import type { ConfigRequest } from "../config/locate.ts";
import type { Bus } from "../observe/bus.ts";

export class LiveConfig {
  readonly #request: ConfigRequest;
  readonly #bus: Bus;
  #current: Config;

  /** Throws what `loadConfig` throws. */
  constructor(request: ConfigRequest, bus: Bus) {
    this.#request = request;
    this.#bus = bus;
    this.#current = this.#read();
  }

  get current(): Config {
    return this.#current;
  }

  /** Reads the file again. Returns what changed; throws, with the old configuration in force, when it is not right. */
  reload(): string[] {
    try {
      const next = this.#read();
      const changed = diffConfig(this.#current, next);
      this.#current = next;
      this.#bus.emit("config.reloaded", { changed });
      return changed;
    } catch (error) {
      this.#bus.emit("config.rejected", { message: messageOf(error) });
      throw error;
    }
  }

  #read(): Config {
    const { config, text } = loadWithOrigins(this.#request);
    return { ...config, change: () => changeSince({ file: config.file, text }, this.#request) };
  }
}
