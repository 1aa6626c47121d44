/**
 * Messages made from the JSON schema that the ACP SDK ships: of every kind the least there can be, everything there can be,
 * and things nobody has heard of. Plain enumeration, so that a run is like the one before. Says what a message looks like, not
 * what it means: ids and paths that have to fit are put in by whoever sends it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonRecord = { [key: string]: Json };

/**
 * minimal: the required fields, the first of every choice. maximal: every field, every choice at least once.
 * strange: as maximal, with unknown fields in every object and an unknown value wherever there is a choice.
 */
export type Shape = "minimal" | "maximal" | "strange";

/** Who handles a message: the schema calls it its side. */
type Side = "agent" | "client" | "protocol" | "proxy";

export interface MessageKind {
  readonly method: string;
  readonly side: Side;
  readonly type: "request" | "notification";
  /** Names of definitions in the schema. */
  readonly params: string;
  readonly result: string | undefined;
}

interface Schema {
  $ref?: string;
  type?: string | string[];
  const?: Json;
  enum?: Json[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  minimum?: number;
  maximum?: number;
  format?: string;
  "x-method"?: string;
  "x-side"?: Side;
}

/** A string, a kind or an enum value of no release of the protocol so far. */
export const unheardOf = "_unheard_of";

const schemaFolder = join(import.meta.dirname, "../../node_modules/@agentclientprotocol/sdk/schema/v1");

/** `unstable` holds everything that `stable` does, and the drafts. */
export function readProtocolSchema(edition: "stable" | "unstable"): ProtocolSchema {
  const file = join(schemaFolder, edition === "stable" ? "schema.json" : "schema.unstable.json");
  const { $defs } = JSON.parse(readFileSync(file, "utf8")) as { $defs: Record<string, Schema> };
  return new ProtocolSchema($defs);
}

export class ProtocolSchema {
  readonly #definitions: Readonly<Record<string, Schema>>;

  constructor(definitions: Readonly<Record<string, Schema>>) {
    this.#definitions = definitions;
  }

  /** Every request and notification, in the order of the schema. */
  kinds(): MessageKind[] {
    const named = Object.entries(this.#definitions).filter(([, schema]) => schema["x-method"] !== undefined);
    return named.flatMap(([name, schema]): MessageKind[] => {
      const base = { method: schema["x-method"]!, side: schema["x-side"]!, params: name };
      if (name.endsWith("Notification")) return [{ ...base, type: "notification", result: undefined }];
      if (!name.endsWith("Request")) return [];
      const result = named.find(
        ([other, { "x-method": method, "x-side": side }]) =>
          other.endsWith("Response") && method === base.method && side === base.side,
      );
      return [{ ...base, type: "request", result: result?.[0] }];
    });
  }

  /** Instances of a definition. */
  instances(definition: string, shape: Shape): Json[] {
    return new Generator(this.#definitions, shape).definition(definition);
  }

  /** The same for params and results, which are objects. */
  records(definition: string, shape: Shape): JsonRecord[] {
    return this.instances(definition, shape).filter(isJsonRecord);
  }

  /** Names of all definitions that a definition is made of, itself included. */
  reachable(definition: string, seen = new Set<string>()): Set<string> {
    if (seen.has(definition)) return seen;
    seen.add(definition);
    for (const name of referencesIn(this.#definitions[definition])) this.reachable(name, seen);
    return seen;
  }

  /** The constant strings of a definition: names of kinds and values of enumerations. */
  constantsOf(definition: string): string[] {
    return constantsIn(this.#definitions[definition]);
  }
}

class Generator {
  readonly #definitions: Readonly<Record<string, Schema>>;
  readonly #shape: Shape;
  /** Definitions being expanded: one that contains itself is cut short. */
  readonly #open: string[] = [];

  constructor(definitions: Readonly<Record<string, Schema>>, shape: Shape) {
    this.#definitions = definitions;
    this.#shape = shape;
  }

  definition(name: string): Json[] {
    const schema = this.#definitions[name];
    if (!schema) throw new Error(`the schema has no definition ${name}`);
    if (this.#open.includes(name)) return new Generator(this.#definitions, "minimal").definition(name);
    this.#open.push(name);
    const instances = this.#schema(schema);
    this.#open.pop();
    return instances;
  }

  #schema(schema: Schema): Json[] {
    if (schema.$ref !== undefined) return this.definition(schema.$ref.replace("#/$defs/", ""));
    if (schema.const !== undefined) return [schema.const];
    if (schema.enum) return this.#choice(schema.enum);
    const parts = (schema.allOf ?? []).map((part) => this.#schema(part));
    const branches = schema.oneOf ?? schema.anyOf;
    if (branches) parts.push(this.#union(branches));
    if (schema.properties || parts.length === 0) parts.unshift(this.#plain(schema));
    return combined(parts);
  }

  #plain(schema: Schema): Json[] {
    const types = Array.isArray(schema.type)
      ? schema.type
      : [schema.type ?? (schema.properties ? "object" : "anything")];
    const values = types.flatMap((type) => this.#ofType(type, schema));
    return this.#shape === "minimal" ? values.slice(0, 1) : values;
  }

  #ofType(type: string, schema: Schema): Json[] {
    switch (type) {
      case "object":
        return this.#object(schema);
      case "array":
        return this.#array(schema);
      case "string":
        if (schema.format === "uri") return ["https://example.com/a?b=c#d"];
        return ["text", 'two\nlines, "quotes", a \\ and \u2713 \u{1F600} \u2028 \u0000'];
      case "integer":
        return integers(schema);
      case "number":
        return [0, -0.5, 1e21];
      case "boolean":
        return [true, false];
      case "null":
        return [null];
      default:
        return [null, "anything", 0, false, [], [[1], { a: [{}] }], JSON.parse('{"__proto__":{"own":1}}') as Json];
    }
  }

  /** As many objects as the field with the most variants has; the other fields go through theirs in turn. */
  #object({ properties = {}, required = [], additionalProperties }: Schema): Json[] {
    const wanted = Object.entries(properties).filter(([name]) => this.#shape !== "minimal" || required.includes(name));
    const columns = wanted.map(([name, schema]): [string, Json[]] => [name, this.#schema(schema)]);
    if (this.#shape !== "minimal" && typeof additionalProperties === "object") {
      columns.push(
        ["first key", this.#schema(additionalProperties)],
        ["second/key", this.#schema(additionalProperties)],
      );
    }
    if (this.#shape !== "minimal" && additionalProperties === true)
      columns.push(["vendor.example/any", this.#plain({})]);
    const count = Math.max(1, ...columns.map(([, values]) => values.length));
    const objects = Array.from({ length: count }, (_, row) =>
      Object.fromEntries(columns.map(([name, values]) => [name, values[row % values.length] ?? null])),
    );
    return this.#shape === "strange" ? objects.map(withUnknownFields) : objects;
  }

  #array({ items = {} }: Schema): Json[] {
    return this.#shape === "minimal" ? [[]] : [this.#schema(items), []];
  }

  #union(branches: readonly Schema[]): Json[] {
    if (this.#shape === "minimal") return this.#schema(branches[0]!);
    const known = branches.flatMap((branch) => this.#schema(branch));
    if (this.#shape === "maximal") return known;
    const tag = branches.map(tagOf).find((name) => name !== undefined);
    if (tag !== undefined) return [...known, withUnknownFields({ [tag]: unheardOf })];
    return branches.every(({ const: constant }) => typeof constant === "string") ? [...known, unheardOf] : known;
  }

  #choice(values: readonly Json[]): Json[] {
    if (this.#shape === "minimal") return values.slice(0, 1);
    return this.#shape === "strange" ? [...values, unheardOf] : [...values];
  }
}

/** Lays the variants of several parts side by side. Objects become one object; of anything else the last part counts. */
function combined(parts: readonly Json[][]): Json[] {
  const count = Math.max(...parts.map((values) => values.length));
  return Array.from({ length: count }, (_, row) => {
    const values = parts.map((variants) => variants[row % variants.length] ?? null);
    return values.every(isJsonRecord) ? (Object.assign({}, ...values) as JsonRecord) : (values.at(-1) ?? null);
  });
}

function withUnknownFields(object: JsonRecord): JsonRecord {
  return {
    ...object,
    _meta: { ...(isJsonRecord(object["_meta"]) ? object["_meta"] : {}), "vendor.example/trace": { deep: [1, null] } },
    notInAnySchema: [{ of: "any release" }, null],
    "_vendor/field": "x",
  };
}

/** The field that tells the branches of a union apart. */
function tagOf(branch: Schema): string | undefined {
  return Object.entries(branch.properties ?? {}).find(([, { const: constant }]) => typeof constant === "string")?.[0];
}

function integers({ minimum, maximum, format }: Schema): Json[] {
  const ranges: Record<string, [number, number]> = {
    uint16: [0, 2 ** 16 - 1],
    uint32: [0, 2 ** 32 - 1],
    int32: [-(2 ** 31), 2 ** 31 - 1],
    uint64: [0, Number.MAX_SAFE_INTEGER],
    int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  };
  const [least, most] = ranges[format ?? ""] ?? [0, 1000];
  return [...new Set([Math.max(minimum ?? least, least), 1, Math.min(maximum ?? most, most)])];
}

function referencesIn(schema: unknown): string[] {
  return fieldsNamed("$ref", schema).map((reference) => String(reference).replace("#/$defs/", ""));
}

function constantsIn(schema: unknown): string[] {
  return fieldsNamed("const", schema).filter((value) => typeof value === "string");
}

/** All values of fields with this name, at any depth, but not behind a `not`. */
function fieldsNamed(name: string, value: unknown): unknown[] {
  if (Array.isArray(value)) return value.flatMap((item) => fieldsNamed(name, item));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === "not") return [];
    return key === name && typeof inner === "string" ? [inner] : fieldsNamed(name, inner);
  });
}

export function isJsonRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
