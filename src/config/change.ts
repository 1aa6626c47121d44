/**
 * Whether the configuration file is still what was read from it. It only tells: the daemon reads the file again when its user says
 * so, since an agent may have written it.
 */
import { messageOf } from "../base/errors.ts";
import type { Config } from "./config.ts";
import { locateConfig, type ConfigRequest } from "./locate.ts";
import { readConfigText } from "./read-file.ts";

/** What a configuration was made of; `file` is undefined where there was none. */
export interface ReadConfig {
  readonly file: string | undefined;
  readonly text: string;
}

/** How what is there now differs from what was read, in a sentence without its full stop; undefined = not at all. */
export function changeSince(read: ReadConfig, request: ConfigRequest): string | undefined {
  let now: ReadConfig;
  try {
    const file = locateConfig(request)?.file;
    now = { file, text: file === undefined ? "" : readConfigText(file) };
  } catch (error) {
    return `the configuration cannot be read as it was by the daemon: ${messageOf(error)}`;
  }
  if (now.file === undefined) return read.file && `${read.file} is gone since the daemon read it`;
  if (now.file !== read.file) return `${now.file} was not there when the daemon read its configuration`;
  return now.text === read.text ? undefined : `${now.file} has changed since the daemon read it`;
}

/** What brings such a change into force. */
export function readAgain(daemonPid: number): string {
  return `\`kill -HUP ${daemonPid}\` has it read again`;
}

/** The hint of a daemon's refusal that follows from its configuration: by now another one may stand in the file. */
export function hintOf({ change }: Pick<Config, "change">, hint: string): string {
  const changed = change?.();
  return changed === undefined ? hint : `${hint}; ${changed}: the user's ${readAgain(process.pid)}`;
}
