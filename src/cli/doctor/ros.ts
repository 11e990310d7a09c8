import { existsSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { findRclnodejs, isBuilt } from "../../ros/index.ts";
import type { Finding } from "./finding.ts";

const INSTALLATIONS = "/opt/ros";
const GIVES = "real ROS 2 nodes: topics, lifecycle, parameters and rosbag beside your other nodes";

/** ROS 2 and its binding. The binding is looked up, never loaded: loaded without ROS 2 sourced it rebuilds itself. */
export async function examineRos(): Promise<Finding[]> {
  const folders = await readdir(INSTALLATIONS).catch(() => []);
  const installed = folders.filter((folder) => existsSync(join(INSTALLATIONS, folder, "setup.bash")));
  return [examineEnvironment(process.env, installed), examineBinding()];
}

export function examineEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  installed: readonly string[],
): Finding {
  const { AMENT_PREFIX_PATH: prefixes, ROS_DISTRO: distribution, RMW_IMPLEMENTATION: middleware } = environment;
  const name = "ROS 2";
  if (prefixes) {
    const found = `${distribution ?? "unknown distribution"}, middleware ${middleware ?? "default"}`;
    return { name, status: "ok", found, gives: GIVES, values: { distribution: distribution ?? "", sourced: true } };
  }
  const [newest] = installed.toSorted().reverse();
  return {
    name,
    status: "missing",
    found: newest === undefined ? "not installed" : `${installed.join(", ")} installed but not sourced`,
    gives: `${GIVES}; without it the same nodes run over the embedded transport`,
    remedy:
      newest === undefined
        ? "Install ROS 2 (Humble or later) and source its setup.bash."
        : `Run source ${INSTALLATIONS}/${newest}/setup.bash in this shell.`,
    values: { distribution: "", sourced: false, installed },
  };
}

function examineBinding(): Finding {
  const base = { name: "rclnodejs", gives: "the binding to ROS 2" };
  const folder = findRclnodejs();
  if (folder === undefined) {
    const remedy = "Run npm ci; then, with ROS 2 sourced, latentloop ros setup.";
    return { ...base, status: "missing", found: "not installed", remedy };
  }
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
  if (isBuilt(folder)) return { ...base, status: "ok", found: version, values: { version, built: true } };
  const remedy = "With ROS 2 sourced, run latentloop ros setup.";
  return { ...base, status: "missing", found: `${version}, not built`, remedy, values: { version, built: false } };
}
