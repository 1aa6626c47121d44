/**
 * What a key of the configuration file is, as data: its type, default and meaning. A tree of these is the whole schema;
 * validation, resolution, reference, JSON Schema and `config show` are all made by walking it. Knows no particular key.
 */
import * as z from "zod";

/** How a string is rewritten before use: `path` = `~` and `${ENV}`, then made absolute; `value` = `~` and `${ENV}` only. */
export type Expansion = "path" | "command" | "value";

export interface Key<Schema extends z.ZodType = z.ZodType, Default = unknown> {
  readonly kind: "key";
  readonly schema: Schema;
  /** One line: what it is for. */
  readonly meaning: string;
  /** Used when neither the file nor a profile it extends sets the key; undefined = not set. */
  readonly default: Default;
  /** How the reference words a default that is no TOML value. */
  readonly defaultText: string | undefined;
  readonly expansion: Expansion | undefined;
  /** Under `extends`: merged key by key (true) or replaced as a whole (false). */
  readonly mergesByKey: boolean;
}

type Members = { readonly [name: string]: Node };
type MemberSchemas<M extends Members> = { [Name in keyof M]: z.ZodOptional<M[Name]["schema"]> };

export interface Table<M extends Members = Members> {
  readonly kind: "table";
  readonly meaning: string;
  readonly members: M;
  readonly schema: z.ZodObject<MemberSchemas<M>, z.core.$strict>;
}

/** Tables under names of the user's choice, such as `[acp.agents.NAME]`. */
export interface NamedTables<T extends Table = Table> {
  readonly kind: "named";
  readonly meaning: string;
  readonly table: T;
  readonly schema: z.ZodRecord<z.ZodString, T["schema"]>;
}

type Node = Key | Table | NamedTables;

interface KeyFacts {
  meaning: string;
  default?: unknown;
  defaultText?: string;
  expansion?: Expansion;
  mergesByKey?: boolean;
}

type DefaultOf<Facts> = Facts extends { readonly default: infer Default } ? Default : undefined;

export function key<Schema extends z.ZodType, const Facts extends KeyFacts>(
  schema: Schema,
  facts: Facts,
): Key<Schema, DefaultOf<Facts>> {
  return {
    kind: "key",
    schema,
    meaning: facts.meaning,
    default: facts.default as DefaultOf<Facts>,
    defaultText: facts.defaultText,
    expansion: facts.expansion,
    mergesByKey: facts.mergesByKey ?? false,
  };
}

export function table<const M extends Members>(meaning: string, members: M): Table<M> {
  const schemas = Object.entries(members).map(([name, node]) => [name, describedSchema(node)]);
  const schema = z.strictObject(Object.fromEntries(schemas) as MemberSchemas<M>);
  return { kind: "table", meaning, members, schema };
}

export function namedTables<T extends Table>(
  meaning: string,
  options: { name: z.ZodString; table: T },
): NamedTables<T> {
  return { kind: "named", meaning, table: options.table, schema: z.record(options.name, options.table.schema) };
}

function describedSchema(node: Node): z.ZodType {
  const optional = node.schema.optional();
  const writable = node.kind === "key" && node.default !== undefined && node.defaultText === undefined;
  return optional.meta({ description: node.meaning, ...(writable ? { default: node.default } : {}) });
}

/** Stands for the name of the user's choice in the paths of declared keys. */
export const namePlaceholder = "NAME";

export interface DeclaredTable {
  readonly path: readonly string[];
  readonly table: Table;
}

/** All tables of a tree, outer ones first. */
export function declaredTables(root: Table, path: readonly string[] = []): DeclaredTable[] {
  const inner = Object.entries(root.members).flatMap(([name, node]) => {
    if (node.kind === "key") return [];
    return node.kind === "table"
      ? declaredTables(node, [...path, name])
      : declaredTables(node.table, [...path, name, namePlaceholder]);
  });
  return [{ path, table: root }, ...inner];
}

export interface DeclaredKey {
  readonly path: readonly string[];
  readonly key: Key;
}

/** The keys that stand directly in a table. */
export function keysOf({ path, table: owner }: DeclaredTable): DeclaredKey[] {
  return Object.entries(owner.members).flatMap(([name, node]) =>
    node.kind === "key" ? [{ path: [...path, name], key: node }] : [],
  );
}

/** All keys of a tree. */
export function declaredKeys(root: Table): DeclaredKey[] {
  return declaredTables(root).flatMap(keysOf);
}

type CamelCase<Name> = Name extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<CamelCase<Tail>>}` : Name;

/** `max_depth` as the resolved configuration calls it: `maxDepth`. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** What a table's own keys are once defaults are filled in, under their names in camelCase. */
export type ResolvedKeys<T> =
  T extends Table<infer M>
    ? {
        [Name in keyof M as M[Name] extends Key ? CamelCase<Name> : never]: M[Name] extends Key<
          infer Schema,
          infer Default
        >
          ? z.infer<Schema> | Default
          : never;
      }
    : never;
