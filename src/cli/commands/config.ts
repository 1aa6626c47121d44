/** `crucible config check|show|schema`: the configuration that a daemon started here by hand would use. */
import { CrucibleError, exitCodes } from "../../base/errors.ts";
import type { ConfigRequest } from "../../config/locate.ts";
import { configText } from "../render/config-text.ts";
import { styleFor } from "../render/style.ts";
import { print, printJson } from "../terminal.ts";
import { workingDirectory } from "../working-directory.ts";

export interface ConfigOptions {
  config: string | undefined;
  json: boolean;
}

/** Rejects with the error that names everything that is wrong. */
export async function checkConfig({ config, json }: ConfigOptions): Promise<number> {
  const { loadConfig } = await import("../../config/load.ts");
  let file: string | undefined;
  try {
    ({ file } = loadConfig(requestFor(config)));
  } catch (error) {
    if (json && error instanceof CrucibleError) {
      const { code, message, hint, details } = error;
      await printJson({ ok: false, error: { code, message, hint, ...details } });
    }
    throw error;
  }
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
