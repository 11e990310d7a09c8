import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

const modifiedMs = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

const textOf = (path) => (existsSync(`${root}${path}`) ? readFileSync(`${root}${path}`, "utf8") : "");

function newestSourceMs() {
  let newest = modifiedMs(`${root}tsconfig.json`);
  for (const folder of ["src", "test"]) {
    for (const entry of readdirSync(`${root}${folder}`, { recursive: true })) {
      newest = Math.max(newest, modifiedMs(`${root}${folder}/${entry}`));
    }
  }
  return newest;
}

function run(what, command, args) {
  process.stderr.write(`latentloop: ${what} …\n`);
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (status === 0) return;
  process.stderr.write(`latentloop: ${what} failed${error ? `: ${error.message}` : `, see above`}.\n`);
  process.exit(1);
}

/** Installs the packages and compiles the sources when they are missing or older than what they come from. */
export function ensureReady() {
  if (!existsSync(`${root}tsconfig.json`)) return; // an installed package carries its compiled code
  // A linked node_modules belongs to another checkout: an install through the link would take it away from there.
  const isLinked = lstatSync(`${root}node_modules`, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  if (!isLinked && textOf("node_modules/.installed-lock.json") !== textOf("package-lock.json")) {
    run("installing packages (the first run only)", "npm", ["ci", "--include=dev", "--include=optional"]);
    copyFileSync(`${root}package-lock.json`, `${root}node_modules/.installed-lock.json`);
    writeFileSync(`${root}node_modules/COLCON_IGNORE`, ""); // `colcon build` is not to look for packages in there
  }
  if (modifiedMs(`${root}dist/.built`) < newestSourceMs()) {
    run("compiling", process.execPath, [`${root}node_modules/typescript/bin/tsc`, "--project", root]);
    writeFileSync(`${root}dist/.built`, "");
  }
}
