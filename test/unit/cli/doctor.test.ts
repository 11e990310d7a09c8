import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { examineDisk } from "../../../src/cli/doctor/disk.ts";
import { type Finding, formatFindings } from "../../../src/cli/doctor/finding.ts";
import { examineNode } from "../../../src/cli/doctor/machine.ts";
import { missingLibraries } from "../../../src/cli/doctor/providers.ts";
import { examineEnvironment } from "../../../src/cli/doctor/ros.ts";
import { realTimeLimit } from "../../../src/cli/doctor/timing.ts";

test("a Node older than the package allows is broken, a newer one is not", () => {
  for (const old of ["18.20.0", "20.8.1"]) assert.equal(examineNode(old).status, "broken", old);
  for (const recent of ["20.9.0", "20.20.2", "22.0.0"]) assert.equal(examineNode(recent).status, "ok", recent);
});

test("the real-time limit is read from the kernel's table", () => {
  const row = (soft: string) =>
    `Max nice priority         0                    0\nMax realtime priority     ${soft}                   0\n`;
  assert.equal(realTimeLimit(row("0")), 0);
  assert.equal(realTimeLimit(row("95")), 95);
  assert.equal(realTimeLimit(row("unlimited")), 99);
  assert.ok(Number.isNaN(realTimeLimit("")));
});

test("CUDA's libraries are looked up by their exact version", () => {
  const cache =
    "\tlibcudart.so.12 (libc6,x86-64) => /usr/lib/libcudart.so.12\n\tlibcudnn.so.8 (libc6) => /usr/lib/libcudnn.so.8\n";
  const missing = missingLibraries(cache);
  assert.ok(!missing.includes("libcudart.so.12"));
  assert.ok(missing.includes("libcudnn.so.9"));
});

test("ROS 2 is there only when it is sourced; installed but not sourced says which file to source", () => {
  const sourced = examineEnvironment({ AMENT_PREFIX_PATH: "/opt/ros/jazzy", ROS_DISTRO: "jazzy" }, []);
  assert.equal(sourced.status, "ok");
  assert.match(sourced.found, /jazzy/);
  const installed = examineEnvironment({}, ["humble", "jazzy"]);
  assert.equal(installed.status, "missing");
  assert.match(installed.remedy ?? "", /source \/opt\/ros\/jazzy\/setup\.bash/);
  assert.match(examineEnvironment({}, []).remedy ?? "", /Install ROS 2/);
});

test("the disk is measured where the recording would go and nothing is left behind", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-disk-"));
  t.after(() => rm(folder, { recursive: true }));
  const [finding] = await examineDisk({ replayFolder: join(folder, "not", "yet", "there") });
  assert.notEqual(finding?.status, "broken");
  assert.equal(finding?.values?.folder, folder);
  assert.ok(Number(finding?.values?.write_mib_s) > 0);
  assert.deepEqual(await readdir(folder), []);
});

test("a replay folder that cannot be one is broken, not an exception", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-disk-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "file");
  await writeFile(file, "");
  const [finding] = await examineDisk({ replayFolder: file });
  assert.equal(finding?.status, "broken");
});

test("a missing thing is followed by what it would give and how to get it", () => {
  const findings: Finding[] = [
    { name: "Node.js", status: "ok", found: "20", gives: "everything" },
    { name: "cameras", status: "missing", found: "none", gives: "images", remedy: "Plug one in." },
  ];
  assert.equal(
    formatFindings(findings),
    ["✓ Node.js  20", "– cameras  none", "           gives: images", "           get it: Plug one in."].join("\n"),
  );
});
