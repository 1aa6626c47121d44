/**
 * What is measured. Each measure runs the same work directly and through Crucible, interleaved, and gives rows of numbers:
 * `{ what, unit, direct, crucible, aim?, reached? }`, where `direct` is missing if there is nothing to compare with; or, where an agent
 * without a sandbox is compared with one in it, `{ what, unit, free, held }`.
 */
import { setTimeout as pause } from "node:timers/promises";
import { delegationsPerParent } from "./lab.mjs";
import { interleaved, median, percentile, timed } from "./statistics.mjs";

const ms = "ms";

/** One small prompt: the request, one update, the answer. */
export async function roundTrip(lab, { quick }) {
  const warmUp = quick ? 100 : 500;
  const rounds = quick ? 500 : 3000;
  const [direct, crucible] = await openBoth(lab);
  const once = ({ driver, session }) => timed(() => driver.prompt(session, "say pong"));
  await interleaved(
    warmUp,
    () => once(direct),
    () => once(crucible),
  );
  const results = await interleaved(
    rounds,
    () => once(direct),
    () => once(crucible),
  );
  await closeAll([direct, crucible]);
  const row = (name, share) => ({
    what: `round trip of a small prompt, ${name}`,
    unit: ms,
    direct: percentile(results.direct, share),
    crucible: percentile(results.crucible, share),
  });
  const p50 = row("p50", 0.5);
  return [{ ...p50, aim: "at most 0.3 ms more", reached: p50.crucible - p50.direct <= 0.3 }, row("p99", 0.99)];
}

/** A flood of small updates from the agent. */
export async function updates(lab, { quick }) {
  const count = quick ? 5000 : 20_000;
  const rounds = quick ? 3 : 9;
  const both = await openBoth(lab);
  const rate = async ({ driver, session }) => {
    const before = driver.updates;
    const took = await timed(() => driver.prompt(session, `flood ${count} 100`));
    if (driver.updates - before !== count) throw new Error(`${driver.updates - before} of ${count} updates came`);
    return (count / took) * 1000;
  };
  const [direct, crucible] = both;
  await interleaved(
    2,
    () => rate(direct),
    () => rate(crucible),
  );
  const results = await interleaved(
    rounds,
    () => rate(direct),
    () => rate(crucible),
  );
  await closeAll(both);
  const row = { direct: median(results.direct), crucible: median(results.crucible) };
  return [
    {
      what: "updates of 100 bytes through the relay",
      unit: "a second",
      ...row,
      aim: "at least half",
      reached: row.crucible >= row.direct / 2,
    },
  ];
}

/** From starting the program an editor runs to the answer of `initialize`; the daemon runs already. */
export async function firstAnswer(lab, { quick }) {
  const answerTime = async (driver) => {
    await driver.initialize();
    const took = performance.now() - driver.spawnedAt;
    await driver.close();
    return took;
  };
  const direct = () => answerTime(lab.direct());
  const crucible = () => answerTime(lab.through());
  await interleaved(2, direct, crucible);
  const results = await interleaved(quick ? 5 : 20, direct, crucible);
  const row = { direct: median(results.direct), crucible: median(results.crucible) };
  return [
    {
      what: "start to the answer of initialize",
      unit: ms,
      ...row,
      aim: "at most 100 ms more",
      reached: row.crucible - row.direct <= 100,
    },
  ];
}

/** A parent's delegate_session call against starting the child by hand and asking it the same. */
export async function delegation(lab, { quick }) {
  const parent = lab.through();
  const session = await parent.open(lab.cwd);
  // The parent's MCP client is loaded and connected before the clock runs.
  await parent.prompt(session, "mcp-list");
  const crucible = () => timed(() => delegate(parent, session, 1));
  const direct = () => timed(() => byHand(lab));
  await interleaved(2, direct, crucible);
  const results = await interleaved(quick ? 5 : 20, direct, crucible);
  await parent.close();
  return [{ what: "one delegation", unit: ms, direct: median(results.direct), crucible: median(results.crucible) }];
}

/** One question from a terminal: start, ask, answer, end. */
export async function oneShot(lab, { quick }) {
  const direct = () => timed(() => byHand(lab));
  const crucible = () =>
    timed(async () => {
      const answer = await lab.run("delegate", "child", "say pong");
      if (!answer.includes("pong")) throw new Error(`expected pong, got ${JSON.stringify(answer)}`);
    });
  await interleaved(2, direct, crucible);
  const results = await interleaved(quick ? 5 : 20, direct, crucible);
  const row = { direct: median(results.direct), crucible: median(results.crucible) };
  return [
    {
      what: "one-shot: crucible delegate",
      unit: ms,
      ...row,
      aim: "at most 2.5 times",
      reached: row.crucible <= row.direct * 2.5,
    },
  ];
}

/** 200 delegations at once, by as many parents as that takes, against 200 agents started at once by hand. */
export async function manyAtOnce(lab, { quick }) {
  const count = quick ? 40 : 200;
  const parents = [];
  for (let left = count; left > 0; left -= delegationsPerParent) {
    const driver = lab.through();
    const session = await driver.open(lab.cwd);
    await driver.prompt(session, "mcp-list");
    parents.push({ driver, session, share: Math.min(left, delegationsPerParent) });
  }
  const direct = () => timed(() => Promise.all(Array.from({ length: count }, () => byHand(lab))));
  const crucible = () =>
    timed(() => Promise.all(parents.map(({ driver, session, share }) => delegate(driver, session, share))));
  const results = await interleaved(quick ? 1 : 3, direct, crucible);
  await closeAll(parents);
  return [
    {
      what: `${count} delegations at once, all completed`,
      unit: ms,
      direct: median(results.direct),
      crucible: median(results.crucible),
    },
  ];
}

/** What the sandbox costs: everything goes through Crucible, with an agent that is free and one that is held. */
export async function sandbox(lab, { quick }) {
  const rounds = quick ? 5 : 20;
  const compared = async (what, count, free, held) => {
    await interleaved(Math.max(2, count / 10), free, held);
    const results = await interleaved(count, free, held);
    return { what, unit: ms, free: median(results.direct), held: median(results.crucible) };
  };
  const opening = (agent) => async () => {
    const driver = lab.through(agent);
    await driver.open(lab.cwd);
    const took = performance.now() - driver.spawnedAt;
    await driver.close();
    return took;
  };
  const opened = await compared("start to an open session", rounds, opening("parent"), opening("heldParent"));

  const parent = lab.through();
  const session = await parent.open(lab.cwd);
  await parent.prompt(session, "mcp-list");
  const delegated = await compared(
    "one delegation",
    rounds,
    () => timed(() => delegate(parent, session, 1, "freeChild")),
    () => timed(() => delegate(parent, session, 1, "child")),
  );
  await parent.close();

  const both = await Promise.all(
    ["parent", "heldParent"].map(async (agent) => {
      const driver = lab.through(agent);
      return { driver, session: await driver.open(lab.cwd) };
    }),
  );
  const [free, held] = both.map((one) => () => timed(() => one.driver.prompt(one.session, "say pong")));
  const asked = await compared("round trip of a small prompt, p50", quick ? 500 : 3000, free, held);
  await closeAll(both);
  return [opened, delegated, asked];
}

/** Resident memory of a fresh daemon, then with open sessions (each has an agent process, which is not counted). */
export async function memory(lab, { quick }) {
  await lab.stopDaemon();
  await lab.startDaemon();
  const idle = await settledMiB(lab);
  const rows = [
    {
      what: "memory of the idle daemon",
      unit: "MiB",
      crucible: idle,
      aim: "less than 80 MB",
      reached: idle * 1.048_576 < 80,
    },
  ];
  const driver = lab.through();
  await driver.initialize();
  let open = 0;
  for (const count of quick ? [1, 20] : [1, 50, 200]) {
    for (; open < count; open++) {
      const { sessionId } = await driver.request("session/new", { cwd: lab.cwd, mcpServers: [] });
      await driver.prompt(sessionId, "say pong");
    }
    const used = await settledMiB(lab);
    const each = ((used - idle) / count) * 1024;
    const sessions = count === 1 ? "1 session" : `${count} sessions`;
    rows.push({ what: `memory with ${sessions} (${Math.round(each)} KiB each)`, unit: "MiB", crucible: used });
  }
  await driver.close();
  return rows;
}

export const measures = { roundTrip, updates, firstAnswer, delegation, oneShot, manyAtOnce, sandbox, memory };

async function openBoth(lab) {
  const open = async (driver) => ({ driver, session: await driver.open(lab.cwd) });
  return [await open(lab.direct()), await open(lab.through())];
}

async function closeAll(opened) {
  for (const { driver } of opened) await driver.close();
}

/** What a program without Crucible does to ask an agent one thing. */
async function byHand(lab) {
  const child = lab.direct();
  const session = await child.open(lab.cwd);
  await child.prompt(session, "say pong");
  await child.close();
}

async function delegate(parent, session, count, agent = "child") {
  const task = { agent, task: "say pong", description: "pong" };
  await parent.prompt(session, `delegates ${JSON.stringify(Array.from({ length: count }, () => task))}`);
  const answers = JSON.parse(parent.text.trim());
  const completed = answers.filter(({ status, result }) => status === "completed" && result === "pong");
  if (completed.length === count) return;
  const failed = answers.find((answer) => !completed.includes(answer));
  throw new Error(
    `${completed.length} of ${count} delegations completed; one of the others: ${JSON.stringify(failed)}`,
  );
}

/** Memory once the work has settled: the least of two seconds. */
async function settledMiB(lab) {
  const samples = [];
  for (let sample = 0; sample < 20; sample++) {
    await pause(100);
    samples.push(lab.daemonMiB());
  }
  return Math.min(...samples);
}
