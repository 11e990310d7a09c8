import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { deserializeMessage } from "../../../src/messages/index.ts";
import { BagReader } from "../../../src/replay/bag-reader.ts";
import { recoverBag } from "../../../src/replay/recover.ts";
import { verifyBag } from "../../../src/replay/verify.ts";
import { testFolder } from "../../unit/replay/bag-builder.ts";

const program = fileURLToPath(new URL("./programs/record-until-full.js", import.meta.url));
const skip = process.platform === "win32" && "needs a shell that limits the size of files";

test("a disk that takes no more ends the recording, never the loop beside it, and leaves what was written whole", {
  skip,
  timeout: 240_000,
}, async (t) => {
  const root = await testFolder(t);
  // 64 blocks of at least 512 bytes: what is written beyond is refused, as a full disk refuses it.
  const limited = ["-c", 'ulimit -f 64; exec "$0" "$@"', process.execPath, program, root];
  const { stdout, stderr } = spawnSync("sh", limited, { encoding: "utf8" });
  assert.notEqual(stdout, "", stderr);
  const { ticks, states, errors, ended } = JSON.parse(stdout);
  assert.deepEqual(states.slice(-2), [true, false], "~/recording says when it ends");
  assert.match(errors[0], /^The recording stopped: EFBIG/);
  assert.deepEqual([errors.length, ended.code], [1, "ERR_RECORDING"]);
  const [name = ""] = await readdir(root);
  await recoverBag(join(root, name));
  assert.equal((await verifyBag(join(root, name))).ok, true);
  const bag = await BagReader.open(join(root, name));
  t.after(() => bag.close());
  const numbers: number[] = [];
  for await (const { data } of bag.messages())
    numbers.push(Number(deserializeMessage("std_msgs/msg/String", data).data));
  assert.ok(numbers.length > 20 && numbers.length < ticks - 40, `${numbers.length} of ${ticks} messages`);
  assert.deepEqual(
    numbers,
    numbers.map((_, i) => i),
  );
  assert.equal(numbers.length + Number(bag.customData["dropped /count"]), ticks, "each message is in or counted");
});
