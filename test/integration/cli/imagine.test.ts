import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import sharp from "sharp";
import { readShownEpisode } from "../../../src/cli/imagine/shown-episode.ts";
import { root } from "../../../src/config/package-root.ts";
import { readBundle } from "../../../src/inference/read-bundle.ts";
import { decodeVideo } from "../../../src/replay/datasets/ffmpeg.ts";
import { trainDotBundle } from "../../support/dot-bundle.ts";
import { recordDotWorld } from "../../support/dot-recording.ts";
import { DotWorld } from "../../support/dot-world.ts";
import { missingFfmpeg } from "../../support/missing-ffmpeg.ts";

const MAIN = join(root, "dist", "src", "cli", "main.js");
const folder = await mkdtemp(join(tmpdir(), "latentloop-imagine-"));
after(() => rm(folder, { recursive: true }));
const replay = join(folder, "replay");
await recordDotWorld({ folder: join(replay, "bag"), episodes: 2, seed: 1 });
const { folder: model } = await trainDotBundle(folder);

const STEPS = 2;
/** Frames of 64 pixels two pixels apart, as the strip and the film enlarge them. */
const strip = { width: 2 * (STEPS * 66 - 2), height: 2 * (2 * 66 - 2) };
const film = { width: 4 * 64, height: 4 * (2 * 66 - 2), rateHz: 10 };

function imagine(...flags: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "imagine", "--model", model, ...flags], {
    encoding: "utf8",
  });
  return { status, stderr, json: () => JSON.parse(stdout.trim().split("\n").at(-1)!) };
}

test("a strip shows the frames of a recorded episode above those that the model imagines", async () => {
  const out = join(folder, "strip.png");
  const { status, stderr, json } = imagine("--replay", replay, "--steps", String(STEPS), "--out", out, "--json");
  assert.equal(status, 0, stderr);
  assert.equal(json().imaginedRewards.length, STEPS);
  const { data, info } = await sharp(out).raw().toBuffer({ resolveWithObject: true });
  assert.deepEqual([info.width, info.height], [strip.width, strip.height]);

  // The goal of the newest recorded episode, at the same place in every frame.
  const world = new DotWorld();
  world.reset(2);
  const image = new Uint8Array(64 * 64 * 3);
  world.renderInto("scene", image);
  for (let step = 0; step < STEPS; step++) {
    const drawn = Uint8Array.from(image, (_, i) => {
      const [x, y, channel] = [Math.floor(i / 3) % 64, Math.floor(i / (3 * 64)), i % 3];
      return data[(2 * y * info.width + 2 * (step * 66 + x)) * info.channels + channel]!;
    });
    assert.deepEqual(drawn, image);
  }
});

test("a film shows them one after the other", { skip: missingFfmpeg() }, async () => {
  const out = join(folder, "film.mp4");
  const { status, stderr } = imagine("--replay", replay, "--episode", "2", "--steps", String(STEPS), "--out", out);
  assert.equal(status, 0, stderr);
  let pictures = 0;
  for await (const picture of decodeVideo(out, film, 0, STEPS)) {
    assert.equal(picture.length, film.width * film.height * 3);
    pictures++;
  }
  assert.equal(pictures, STEPS);
});

const refusals: readonly [rule: string, flags: readonly string[], code: string, sentence: RegExp][] = [
  ["an episode comes from a task or from recordings", [], "ERR_INVALID_ARGUMENT", /--task .*--replay/],
  ["other kinds of files are refused before anything is read", ["--out", "x.gif"], "ERR_INVALID_ARGUMENT", /x\.gif/],
  ["there must be as many episodes", ["--replay", replay, "--episode", "3"], "ERR_REPLAY_EMPTY", /at least 3.*has 2/],
  ["nothing is imagined beyond the episode", ["--replay", replay, "--steps", "999"], "ERR_INVALID_ARGUMENT", /999/],
];

for (const [rule, flags, code, sentence] of refusals) {
  test(rule, () => {
    const { status, stderr } = imagine(...flags);
    assert.equal(status, 1, stderr);
    assert.match(stderr, new RegExp(`\\[${code}\\]`));
    assert.match(stderr, sentence);
  });
}

test("a probe decoder wants an episode besides the one that is drawn", async () => {
  const lone = join(folder, "lone");
  await recordDotWorld({ folder: join(lone, "bag"), episodes: 1, seed: 1 });
  const others = { count: 60, onEpisode: () => {} };
  await assert.rejects(readShownEpisode(await readBundle(model), { replay: lone, episode: 1 }, others), {
    code: "ERR_REPLAY_EMPTY",
    message: /probe decoder.*lone has one/,
  });
});
