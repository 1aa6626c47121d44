/**
 * The schema of `crucible.toml` as JSON Schema, for editors that check TOML by a `#:schema` line (Taplo, Even Better TOML).
 * Draft 7, because that is what they read.
 */
import * as z from "zod";
import { configFile } from "./schema.ts";

export type JsonSchema = Record<string, unknown>;

/** A new JSON Schema document; descriptions and defaults included. */
export function configJsonSchema(): JsonSchema {
  const { $schema, ...schema } = z.toJSONSchema(configFile.schema, { target: "draft-7", io: "input" });
  return { $schema, title: "crucible.toml", description: configFile.meaning, ...schema };
}
