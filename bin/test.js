// `npm test [-- folder-or-file …]`: sets up, checks style, then runs the compiled tests.
import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { ensureReady, root } from "./setup.js";

ensureReady();

const wanted = process.argv.slice(2);
if (wanted.length === 0) {
  const lint = spawnSync("npm", ["run", "--silent", "lint"], {
    cwd: root,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (lint.status !== 0) process.exit(1);
}

/** Compiled test files of the named folders or sources below test/ (by default all but ros, which needs a sourced ROS 2). */
const places = wanted.length > 0 ? wanted : ["architecture", "unit", "contract", "golden", "integration"];
const files = places.flatMap((place) => {
  const path = `${root}test/${place}`;
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return [];
  const sources = stats.isFile() ? [place] : readdirSync(path, { recursive: true }).map((file) => `${place}/${file}`);
  return sources
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => `${root}dist/test/${file.replace(/\.ts$/, ".js")}`);
});
if (files.length === 0) {
  process.stderr.write(`latentloop: no test under test/ for ${places.join(", ")}.\n`);
  process.exit(2);
}
const { status } = spawnSync(process.execPath, ["--test", "--enable-source-maps", ...files], {
  cwd: root,
  stdio: "inherit",
});
process.exit(status ?? 1);
