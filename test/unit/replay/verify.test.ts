import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import sharp from "sharp";
import { SENSOR_QOS } from "../../../src/core/node.ts";
import {
  makeEpisodeEvent,
  makeHeader,
  type RosMessages,
  type RosType,
  serializeMessage,
} from "../../../src/messages/index.ts";
import { BagReader } from "../../../src/replay/bag-reader.ts";
import { contactSheet } from "../../../src/replay/contact-sheet.ts";
import { interventionSpans, readEpisodes, returnOf } from "../../../src/replay/episodes.ts";
import { Recording } from "../../../src/replay/recording.ts";
import { verifyBag } from "../../../src/replay/verify.ts";
import { buildBag, START_NS, testFolder } from "./bag-builder.ts";

interface Entry<T extends RosType = RosType> {
  readonly topic: string;
  readonly type: T;
  readonly message: RosMessages[T];
  readonly logTimeNs: bigint;
}

function entry<T extends RosType>(topic: string, type: T, message: RosMessages[T], logTimeNs: bigint): Entry<T> {
  return { topic, type, message, logTimeNs };
}

async function verdictOf(t: TestContext, entries: readonly Entry[]) {
  const folder = join(await testFolder(t), "bag");
  const options = { folder, chunkBytes: 1e5, maxPendingBytes: 1e8, minFreeBytes: 0, customData: {} };
  const recording = await Recording.begin(options);
  const topics = new Map(entries.map(({ topic, type }) => [`${topic} ${type}`, { topic, type }] as const));
  const writers = new Map(
    [...topics].map(([key, { topic, type }]) => [key, recording.addTopic(topic, type, SENSOR_QOS)]),
  );
  for (const { topic, type, message, logTimeNs } of entries) {
    writers.get(`${topic} ${type}`)?.write(serializeMessage(type, message as never), logTimeNs, logTimeNs);
  }
  await recording.end();
  return verifyBag(folder);
}

const joint = (stampNs: bigint) => ({
  header: makeHeader(stampNs),
  name: ["a"],
  position: [0],
  velocity: [0],
  effort: [],
});
const at = (i: number) => START_NS + BigInt(i) * 10_000_000n;
const event = (kind: number, episode: number, step: number) => ({
  ...makeEpisodeEvent("step", at(step), { episode, step }),
  kind,
});

test("a whole bag has no errors, and its rates and episodes are counted", async (t) => {
  const folder = join(await testFolder(t), "bag");
  await buildBag({ folder, episodes: [30, 20] });
  const { ok, findings, topics, episodes, images, messages } = await verifyBag(folder);
  assert.deepEqual([ok, findings], [true, []]);
  assert.deepEqual([images, messages, episodes.length], [52, 4 * 52, 2]);
  const camera = topics.find(({ topic }) => topic === "/scene/image_raw");
  assert.ok(Math.abs(camera!.rateHz - 10) < 1e-9 && camera!.medianMs === 100);
  assert.equal(camera!.medianDelayMs, 0.5);
});

test("episodes carry their task, return, success and spans of intervention", async (t) => {
  const folder = join(await testFolder(t), "bag");
  await buildBag({ folder, episodes: [5, -3] });
  const bag = await BagReader.open(folder);
  t.after(() => bag.close());
  const { episodes } = await readEpisodes(bag);
  const [first, second] = episodes;
  assert.deepEqual([first?.task, first?.success, first?.closed], ["größer greifen", true, true]);
  assert.ok(Math.abs(returnOf(first!) - 1.5) < 1e-6);
  assert.deepEqual(interventionSpans(first!), [{ from: 2, to: 3 }]);
  assert.equal(second?.closed, false);
});

test("a pause on a steady topic is named with its time", async (t) => {
  const indexes = [...Array(20).keys()].map((i) => (i < 10 ? i : i + 30));
  const { ok, findings } = await verdictOf(
    t,
    indexes.map((i) => entry("/joint_states", "sensor_msgs/msg/JointState", joint(at(i)), at(i))),
  );
  assert.equal(ok, true);
  assert.deepEqual(
    findings.map(({ where, what }) => [where, /nothing for 310 ms after 1700000000\.090 s/.test(what)]),
    [["/joint_states", true]],
  );
});

test("stamps of the future, of another clock, missing, repeated and out of order are told apart", async (t) => {
  const stamps = [at(0), at(1) + 60_000_000n, at(2) - 3_600_000_000_000n, 0n, at(4), at(4)];
  const { findings } = await verdictOf(
    t,
    stamps.map((stampNs, i) => entry("/joint_states", "sensor_msgs/msg/JointState", joint(stampNs), at(i))),
  );
  const text = findings.map(({ what }) => what).join("\n");
  assert.match(text, /captured 60\.0 ms after it was received/);
  assert.match(text, /captured 3600\.0 s before it was received/);
  assert.match(text, /no capture stamp/);
  assert.match(text, /1 messages repeat the stamp/);
  assert.match(text, /2 messages are older/);
});

test("an image that does not decode and one of another size are errors with their place", async (t) => {
  const jpeg = await sharp({ create: { width: 16, height: 16, channels: 3, background: "red" } })
    .jpeg()
    .toBuffer();
  const small = await sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } })
    .jpeg()
    .toBuffer();
  const { ok, findings, images } = await verdictOf(
    t,
    [jpeg, jpeg.subarray(0, jpeg.length / 2), small].map((data, i) =>
      entry(
        "/wrist/image_raw/compressed",
        "sensor_msgs/msg/CompressedImage",
        { header: makeHeader(at(i)), format: "jpeg", data },
        at(i),
      ),
    ),
  );
  assert.deepEqual([ok, images, findings.length], [false, 3, 2]);
  assert.match(findings[0]!.what, /do not decode/);
  assert.match(findings[1]!.what, /8×8 rgb8 among images of 16×16 rgb8/);
});

test("episode numbers used twice or missing, events without a begin and steps left out are errors", async (t) => {
  const events = [
    event(0, 0, 0),
    event(1, 0, 1),
    event(1, 0, 3),
    event(2, 0, 4),
    event(1, 7, 1),
    event(0, 0, 0),
    event(2, 0, 1),
    event(0, 5, 0),
  ];
  const { ok, findings } = await verdictOf(
    t,
    events.map((message, i) => entry("/episode", "latentloop_msgs/msg/EpisodeEvent", message, at(i))),
  );
  const text = findings.map(({ what }) => what).join("\n");
  assert.equal(ok, false);
  for (const pattern of [/step 3 follows 1/, /step 4 follows 2/, /episode 7: an event without a begin/]) {
    assert.match(text, pattern);
  }
  assert.match(text, /2 more of the kind|used twice/);
});

const eventsIn = (t: TestContext, events: readonly ReturnType<typeof event>[]) =>
  verdictOf(
    t,
    events.map((message, i) => entry("/episode", "latentloop_msgs/msg/EpisodeEvent", message, at(i))),
  );
const [BEGIN, STEP, END, DISCARD] = [0, 1, 2, 3];

test("an episode that was going on when the recording began counts as cut: a warning, and it is not among the episodes", async (t) => {
  const rest = [event(STEP, 6, 4), event(STEP, 6, 5), event(END, 6, 6)];
  const next = [event(BEGIN, 7, 0), event(STEP, 7, 1), event(END, 7, 2)];
  const { ok, findings, episodes } = await eventsIn(t, [...rest, ...next]);
  assert.equal(ok, true);
  assert.deepEqual(
    findings
      .filter(({ where }) => where.startsWith("episode"))
      .map(({ severity, what }) => [severity, /episode 6: .* is step 4; it counts as cut/.test(what)]),
    [["warning", true]],
  );
  assert.deepEqual(
    episodes.map(({ number, closed }) => [number, closed]),
    [[7, true]],
  );
  const { ok: discarded } = await eventsIn(t, [event(STEP, 6, 4), event(DISCARD, 6, 4), ...next]);
  assert.equal(discarded, true, "taken back");
});

const broken: readonly [what: string, events: readonly ReturnType<typeof event>[], complaint: RegExp][] = [
  ["lacks a step", [event(STEP, 6, 4), event(END, 6, 6)], /step 6 follows 4/],
  ["goes on behind its end", [event(END, 6, 4), event(STEP, 6, 5)], /episode 6: an event without a begin/],
  ["never ends", [event(STEP, 6, 4), event(BEGIN, 7, 0), event(END, 7, 1)], /episode 6: it has no end/],
  ["is followed by another without a begin", [event(END, 6, 4), event(STEP, 7, 1)], /episode 7: an event without/],
  ["lost its begin later on", [event(BEGIN, 6, 0), event(END, 6, 1), event(STEP, 7, 1)], /episode 7: an event without/],
];
for (const [what, events, complaint] of broken) {
  test(`an episode that ${what} is an error, also at the front of a recording`, async (t) => {
    const { ok, findings } = await eventsIn(t, events);
    assert.equal(ok, false);
    const errors = findings.filter(({ severity }) => severity === "error");
    assert.ok(
      errors.some((error) => complaint.test(error.what)),
      JSON.stringify(errors),
    );
  });
}

test("metadata.yaml that counts other messages than there are is an error", async (t) => {
  const folder = join(await testFolder(t), "bag");
  await buildBag({ folder, episodes: [2] });
  const path = join(folder, "metadata.yaml");
  const yaml = await readFile(path, "utf8");
  await writeFile(path, yaml.replace(/(nanoseconds_since_epoch: \d+\n {2}message_count: )\d+/, "$199"));
  const { ok, findings } = await verifyBag(folder);
  assert.equal(ok, false);
  assert.match(findings[0]!.what, /says 99 messages but 12 were found/);
});

test("a contact sheet shows an episode's first and last images in their colours", async (t) => {
  const folder = join(await testFolder(t), "bag");
  await buildBag({ folder, episodes: [5] });
  const bag = await BagReader.open(folder);
  t.after(() => bag.close());
  const { episodes } = await readEpisodes(bag);
  const png = await contactSheet(bag, episodes[0]!, { columns: 3, width: 8 });
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  assert.deepEqual([info.width, info.height], [3 * 12 + 4, 22 + 4 + 12]);
  const middle = (column: number) => data[((22 + 4 + 4) * info.width + 4 + column * 12 + 4) * info.channels];
  assert.deepEqual([middle(0), middle(2)], [0, 5]);
});
