/**
 * The input of a tool as models are told of it: what they need to call it and nothing twice. Some clients cut a schema that is too
 * large, without a word: Codex drops all descriptions from one above 5,000 bytes, in earlier releases above 4,000 (its
 * tools/src/json_schema; seen with codex-acp 2.6.0). What a call may hold is checked against the tool's own schema, not against this.
 */
import { z } from "zod";
import { isRecord } from "../acp/wire.ts";

/** Largest schema of one tool as JSON, in bytes; with it every client known hands on all of it. */
export const maxSchemaBytes = 4000;

export interface AdvertisedSchema {
  type: "object";
  [key: string]: unknown;
}

/**
 * JSON Schema of a tool's input, without what says little: that null counts as missing, that a text must not be empty, and
 * descriptions inside of fields, which say again what stands outside.
 */
export function advertisedSchema(input: z.ZodObject): AdvertisedSchema {
  const { $schema: _dialect, properties, ...rest } = z.toJSONSchema(input, { io: "input" });
  const fields = Object.entries(isRecord(properties) ? properties : {}).map(([name, field]) => {
    const { description } = isRecord(field) ? field : {};
    return [name, { ...(description === undefined ? {} : { description }), ...plain(field) }];
  });
  return { ...rest, type: "object", properties: Object.fromEntries(fields) as Record<string, unknown> };
}

const unsaid: ReadonlySet<string> = new Set(["description", "minLength", "minItems", "exclusiveMinimum"]);

function plain(schema: unknown): Record<string, unknown> {
  if (!isRecord(schema)) return {};
  const { anyOf, ...rest } = schema;
  const choices = Array.isArray(anyOf) ? anyOf.filter((one) => !isNull(one)).map(plain) : [];
  const said = Object.entries(rest).filter(([key, value]) => !unsaid.has(key) && value !== Number.MAX_SAFE_INTEGER);
  const own = Object.fromEntries(said.map(([key, value]) => [key, inside(key, value)]));
  if (choices.length === 0) return own;
  return choices.length === 1 ? { ...own, ...choices[0] } : { ...own, anyOf: choices };
}

function inside(key: string, value: unknown): unknown {
  if (key === "type" && Array.isArray(value)) {
    const types = value.filter((type) => type !== "null");
    return types.length === 1 ? (types[0] as unknown) : types;
  }
  if (key === "items") return plain(value);
  if (key !== "properties" || !isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
}

function isNull(schema: unknown): boolean {
  return isRecord(schema) && schema["type"] === "null";
}
