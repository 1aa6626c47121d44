/** Words for types and values: what a key takes, and what came instead. Secrets are not repeated. */
import { isSecret, isSecretName } from "../base/secrets.ts";
import { listed, oneLine } from "../base/text.ts";
import type { KeyPath } from "./positions.ts";

/** The part of JSON Schema that is put into words here. */
export interface TypeSchema {
  /** What it is in words, where the type says too little. */
  readonly title?: string;
  readonly anyOf?: readonly TypeSchema[];
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minLength?: number;
  readonly items?: TypeSchema;
  readonly properties?: Readonly<Record<string, TypeSchema>>;
  readonly additionalProperties?: TypeSchema | boolean;
}

/** Walks a JSON Schema along a path of keys and array entries; names of the user's choice lead to what all of them share. */
export function schemaAt(schema: TypeSchema, path: KeyPath): TypeSchema {
  return path.reduce<TypeSchema>((at, part) => {
    if (typeof part === "number") return at.items ?? {};
    const shared = typeof at.additionalProperties === "object" ? at.additionalProperties : {};
    return at.properties?.[part] ?? shared;
  }, schema);
}

/** `a whole number from 0 to 16`, `an array of strings`, `"info" or "warn"`. */
export function typeText(schema: TypeSchema): string {
  if (schema.title !== undefined) return schema.title;
  if (schema.anyOf) return schema.anyOf.map(typeText).join(" or ");
  if (schema.enum) return listed(schema.enum.map((choice) => JSON.stringify(choice)));
  switch (schema.type) {
    case "boolean":
      return "true or false";
    case "integer":
      return `a whole number ${rangeText(schema)}`;
    case "number":
      return `a number ${rangeText(schema)}`;
    case "array":
      return "an array of strings";
    case "object":
      return typeof schema.additionalProperties === "object" && schema.additionalProperties.type === "string"
        ? "a table of strings"
        : "a table";
    default:
      return schema.minLength ? "a string that is not empty" : "a string";
  }
}

// What JSON Schema says of a number without an upper end is what a computer can count.
function rangeText({ minimum, exclusiveMinimum, maximum = Infinity }: TypeSchema): string {
  const isOpen = maximum >= Number.MAX_SAFE_INTEGER;
  if (exclusiveMinimum !== undefined) return `above ${exclusiveMinimum}${isOpen ? "" : `, at most ${maximum}`}`;
  return isOpen ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
}

const maxShownLength = 60;

/** `"two"`, `17`, `an array`: a value that was found under the key `name`. */
export function valueText(name: string, value: unknown): string {
  if (typeof value === "string") {
    return isSecret(name, value) && value !== "" ? "a string" : JSON.stringify(oneLine(value, maxShownLength));
  }
  if (typeof value === "number" || typeof value === "bigint") return isSecretName(name) ? "a number" : String(value);
  if (typeof value === "boolean") return String(value);
  if (value instanceof Date) return "a date";
  return Array.isArray(value) ? "an array" : "a table";
}
