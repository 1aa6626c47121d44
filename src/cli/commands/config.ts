/** `crucible config check|show|schema`: the configuration that a daemon started here by hand would use. */
import { exitCodes } from "../../base/errors.ts";
import type { ConfigRequest } from "../../config/locate.ts";
import { configText } from "../render/config-text.ts";
import { styleFor } from "../render/style.ts";
import { print, printJson } from "../terminal.ts";
import { workingDirectory } from "../working-directory.ts";

export interface ConfigOptions {
  config: string | undefined;
  json: boolean;
}

/** Throws the error that names everything that is wrong. */
export async function checkConfig({ config, json }: ConfigOptions): Promise<number> {
  const { loadConfig } = await import("../../config/load.ts");
  const { file } = loadConfig(requestFor(config));
  if (json) await printJson({ ok: true, file: file ?? null });
  else
    await print(
      file === undefined ? "ok: there is no configuration file; the built-in profiles serve\n" : `ok: ${file}\n`,
    );
  return exitCodes.ok;
}

export async function showConfig({ config, json }: ConfigOptions): Promise<number> {
  const { describeConfig } = await import("../../config/show.ts");
  const description = describeConfig(requestFor(config));
  await (json ? printJson(description) : print(configText(description, styleFor(process.stdout))));
  return exitCodes.ok;
}

export async function printSchema(): Promise<number> {
  const { configJsonSchema } = await import("../../config/json-schema.ts");
  await printJson(configJsonSchema());
  return exitCodes.ok;
}

function requestFor(file: string | undefined): ConfigRequest {
  return { file, env: process.env, cwd: workingDirectory(), handStarted: true };
}
