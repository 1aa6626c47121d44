/** The documentation: its links lead somewhere, its configurations load, its commands exist, and nothing of the code is missing. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { flagOf } from "../src/cli/command-spec.ts";
import { commandTable } from "../src/cli/command-table.ts";
import { loadConfig } from "../src/config/load.ts";

const root = resolve(import.meta.dirname, "..");
const docs = join(root, "docs");
const home = mkdtempSync(join(tmpdir(), "crucible-docs-"));

interface Page {
  file: string;
  text: string;
}

interface Block {
  /** `docs/x.md:12`, where it begins. */
  place: string;
  language: string;
  text: string;
}

/** `{ "acp/link.ts": { "maxMessageBytes": ["unit/acp/link.test.ts", "describe > test"] } }` */
type LimitTests = Record<string, Record<string, [file: string, title: string]>>;

const pages: Page[] = ["README.md", "CHANGELOG.md", ...filesIn(docs).map((file) => relative(root, file))]
  .filter((file) => file.endsWith(".md"))
  .map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }));

afterAll(() => rmSync(home, { recursive: true, force: true }));

describe("the documentation", () => {
  it("has no link that leads nowhere", () => {
    const broken = pages.flatMap((page) =>
      linksIn(page)
        .filter((link) => !leadsSomewhere(page, link))
        .map((link) => `${page.file}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  it("has no page that no other page leads to", () => {
    const reached = new Set(pages.flatMap((page) => linksIn(page).map((link) => targetOf(page, link))));
    const lost = pages.map(({ file }) => join(root, file)).filter((file) => !reached.has(file));
    expect(lost).toEqual([]);
  });

  it("shows only configurations that load", () => {
    const examples = pages.flatMap(blocksIn).filter(({ language }) => language === "toml");
    expect(examples.length).toBeGreaterThan(5);
    expect(examples.map(({ place, text }) => `${place}: ${problemOf(text)}`).filter(isProblem)).toEqual([]);
  });

  it("shows only commands and options that exist", () => {
    const lines = pages.flatMap(blocksIn).filter(({ language }) => language === "sh");
    const wrong = lines.flatMap(({ place, text }) =>
      commandLinesIn(text).flatMap((line) => mistakesIn(line).map((mistake) => `${place}: ${mistake} in: ${line}`)),
    );
    expect(wrong).toEqual([]);
  });

  it("names every error code on its page", () => {
    const page = readFileSync(join(docs, "reference/errors.md"), "utf8");
    const declared = filesIn(join(root, "src"))
      .filter((file) => file.endsWith("/errors.ts"))
      .flatMap((file) => [...readFileSync(file, "utf8").matchAll(/"(CRU_[A-Z_]+)"/g)].map(([, code]) => code!));
    expect(declared.length).toBeGreaterThan(20);
    expect(declared.filter((code) => !page.includes(`\`${code}\``))).toEqual([]);
  });

  it("names every exported limit of the code on its page", () => {
    const page = readFileSync(join(docs, "reference/limits.md"), "utf8");
    const declaration = /^export const (max[A-Z]\w*|\w+(?:Ms|Bytes))\b(?!.*(?:=>|process\.))/gm;
    const declared = filesIn(join(root, "src"))
      .filter((file) => file.endsWith(".ts"))
      .flatMap((file) => [...readFileSync(file, "utf8").matchAll(declaration)].map(([, name]) => name!));
    expect(declared.length).toBeGreaterThan(20);
    expect(declared.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  it("names for every limit a test that is there", () => {
    const page = readFileSync(join(docs, "reference/limits.md"), "utf8");
    const rows = [...page.matchAll(/^\|.*\| `(\w+)` in (?:`(.+?)`|\[(.+?)\].*?) \| (.*) \|$/gm)];
    const limits = rows.map(([, name, table, file]) => `${table ?? file} ${name}`);
    const tests = JSON.parse(readFileSync(join(root, "test/limits.json"), "utf8")) as LimitTests;
    const named = Object.entries(tests).flatMap(([place, ofPlace]) =>
      Object.entries(ofPlace).map(([name, test]) => ({ limit: `${place} ${name}`, test })),
    );
    expect(limits.length).toBeGreaterThan(100);
    expect(named.map(({ limit }) => limit).toSorted()).toEqual(limits.toSorted());
    expect(named.filter(({ test }) => !isTest(test)).map(({ limit }) => limit)).toEqual([]);
  });

  it("has a README that can be read at once", () => {
    expect(pages[0]?.text.split("\n").length).toBeLessThanOrEqual(201);
  });
});

function isTest([file, title]: [string, string]): boolean {
  const path = join(root, "test", file);
  if (!statSync(path, { throwIfNoEntry: false })) return false;
  const text = readFileSync(path, "utf8");
  return title.split(" > ").every((part) => text.includes(`"${part}",`));
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((file) => join(folder, file))
    .filter((file) => statSync(file).isFile());
}

/** Targets of the links to other files and headings; code does not count. */
function linksIn({ text }: Page): string[] {
  const prose = text.replace(/^```.*?^```$/gms, "").replace(/`[^`\n]*`/g, "code");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!).filter((one) => !/^[a-z]+:/.test(one));
}

function targetOf({ file }: Page, link: string): string {
  const [path = ""] = link.split("#");
  return path === "" ? join(root, file) : resolve(root, dirname(file), path);
}

function leadsSomewhere(page: Page, link: string): boolean {
  const target = targetOf(page, link);
  if (!statSync(target, { throwIfNoEntry: false })) return false;
  const [, anchor] = link.split("#");
  return anchor === undefined || anchorsIn(readFileSync(target, "utf8")).includes(anchor);
}

/** As GitHub makes them of headings. */
function anchorsIn(text: string): string[] {
  return [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(" ", "-"),
  );
}

function blocksIn({ file, text }: Page): Block[] {
  return [...text.matchAll(/^ *```(\w+)\n(.*?)^ *```$/gms)].map(({ 1: language = "", 2: body = "", index }) => ({
    place: `${file}:${text.slice(0, index).split("\n").length}`,
    language,
    text: body,
  }));
}

/** What the real loader says against a file; nothing if it takes it. */
function problemOf(text: string): string {
  const file = join(home, "crucible.toml");
  writeFileSync(file, text);
  try {
    loadConfig({ file, env: { HOME: home }, cwd: home, handStarted: false });
    return "";
  } catch (error) {
    return String(error);
  }
}

function isProblem(line: string): boolean {
  return !line.endsWith(": ");
}

/** The parts of a script that run `crucible`. */
function commandLinesIn(script: string): string[] {
  const lines = script.replaceAll("\\\n", " ").split("\n");
  return lines
    .filter((line) => !line.trimStart().startsWith("#"))
    .flatMap((line) => line.replace(/'[^']*'|"[^"]*"/g, "text").split(/\||&&|;|--(?= crucible)/))
    .map((part) => part.trim().replace(/ #.*/, ""))
    .filter((part) => part.startsWith("crucible "));
}

function mistakesIn(line: string): string[] {
  const [, first = "", second = ""] = line.split(/\s+/);
  if (/^-(?:h|V|-help|-version)$/.test(first)) return [];
  const spec = commandTable.find(({ name }) => name === first || name === `${first} ${second}`);
  if (!spec) return [`no command ${first}`];
  const known = new Set(["--help", "--version", ...Object.keys(spec.options).map(flagOf)]);
  return [...line.matchAll(/\s(--[\w-]+)/g)].flatMap(([, flag]) => (known.has(flag!) ? [] : [`no option ${flag}`]));
}
