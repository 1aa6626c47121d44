/** The command of `terminal/create` (ACP, "Terminals"): its words, and all the names by which rules may know it. */
import { isRecord } from "../acp/wire.ts";
import { shellCommand } from "../base/text.ts";
import { textField } from "./fields.ts";

/** As one would type it. Throws CRU_REQUEST_INVALID. */
export function commandLine(params: unknown): string {
  const command = textField(params, "command");
  const args = argumentsIn(params);
  // Without arguments it may be a whole line for a shell, and is one as it stands.
  return args.length === 0 ? command : shellCommand([command, ...args]);
}

/**
 * The line itself; what it has a shell do; and with the variables that it is given, which can make any program do anything and
 * so belong to what is decided upon.
 */
export function namesOfCommand(params: unknown): string[] {
  const line = commandLine(params);
  const [flag, inner] = argumentsIn(params);
  const isShell = /(?:^|\/)(?:ba|z|da|k)?sh$/.test(textField(params, "command")) && /^-l?i?c$/.test(flag ?? "");
  const variables = variablesIn(params);
  return [
    line,
    ...(isShell && inner !== undefined ? [inner] : []),
    ...(variables.length > 0 ? [`${variables.join(" ")} ${line}`] : []),
  ];
}

export function argumentsIn(params: unknown): string[] {
  const args = isRecord(params) ? params["args"] : undefined;
  return Array.isArray(args) ? args.map(String) : [];
}

function variablesIn(params: unknown): string[] {
  const env = isRecord(params) && Array.isArray(params["env"]) ? (params["env"] as unknown[]) : [];
  return env.map((entry) => `${textField(entry, "name")}=${shellCommand([textField(entry, "value")])}`);
}
