import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { isMainThread } from "node:worker_threads";
import { LatentloopError, messageOf } from "../core/errors.ts";
import type { Rcl } from "./rclnodejs.ts";

/** What rclnodejs 2.2 has been built for. */
export const DISTRIBUTIONS: readonly string[] = ["humble", "jazzy", "kilted", "lyrical", "rolling"];

const SETUP = "Run `latentloop ros setup` in a shell where ROS 2 is sourced.";
const REBUILD =
  "If it was built for another ROS 2, run `latentloop ros setup --force` in a shell where this one is sourced.";
/** A variable: the compiler is not to look for the package, which is an optional one. */
const PACKAGE = "rclnodejs";

/**
 * rclnodejs, after everything that would make its import harmful or fail has been looked at.
 * Without ROS 2 sourced its import would start a build that deletes the build it has; in a worker thread its spinning
 * crashes; and processes that start together would all generate its messages at once.
 *
 * @throws ERR_ROS_NOT_SOURCED, ERR_ROS_DISTRIBUTION, ERR_ROS_BINDING
 */
export async function loadRclnodejs(): Promise<Rcl> {
  checkEnvironment(process.env);
  if (!isMainThread) throw bindingError("to be loaded in the main thread of a process", "itself in a worker thread");
  const folder = findRclnodejs();
  if (folder === undefined) throw bindingError("to be installed", "no package of that name", "Run `npm ci` again.");
  if (!isBuilt(folder)) throw bindingError("to be built for this ROS 2", "no build of it", SETUP);
  try {
    return ((await import(PACKAGE)) as { default: Rcl }).default;
  } catch (cause) {
    throw bindingError("to load", messageOf(cause), REBUILD, cause);
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws ERR_ROS_NOT_SOURCED, ERR_ROS_DISTRIBUTION */
export function checkEnvironment({ AMENT_PREFIX_PATH, ROS_DISTRO }: Environment): void {
  if (!AMENT_PREFIX_PATH) {
    throw new LatentloopError("ERR_ROS_NOT_SOURCED", "Expected a sourced ROS 2 but AMENT_PREFIX_PATH is not set.", {
      remedy:
        "Run `source /opt/ros/<distribution>/setup.bash` first, or use the same nodes without ROS 2: `latentloop up`.",
    });
  }
  if (ROS_DISTRO !== undefined && !DISTRIBUTIONS.includes(ROS_DISTRO)) {
    throw new LatentloopError(
      "ERR_ROS_DISTRIBUTION",
      `Expected a ROS 2 of ${DISTRIBUTIONS.join(", ")} but received '${ROS_DISTRO}'.`,
      { remedy: "Source one of these distributions." },
    );
  }
}

/** The package's folder; it is looked up, not loaded. */
export function findRclnodejs(): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`));
  } catch {
    return undefined;
  }
}

/** Its messages are generated last, and removed first when it rebuilds itself: with them, an import starts no such work. */
export function isBuilt(folder: string): boolean {
  return existsSync(join(folder, "generated", "generator.json"));
}

function bindingError(expected: string, received: string, remedy?: string, cause?: unknown): LatentloopError {
  return new LatentloopError("ERR_ROS_BINDING", `Expected rclnodejs ${expected} but found ${received}.`, {
    ...(remedy === undefined ? {} : { remedy }),
    ...(cause === undefined ? {} : { cause }),
  });
}
