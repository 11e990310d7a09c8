import { spawnSync } from "node:child_process";
import { Command } from "commander";
import { root } from "../../config/package-root.ts";
import { LatentloopError } from "../../core/errors.ts";
import { checkEnvironment, findRclnodejs, isBuilt } from "../../ros/index.ts";

/** `latentloop ros setup | node`: the binding to ROS 2, and our nodes on it. */
export function rosCommand(): Command {
  const command = new Command("ros").description("our nodes as managed ROS 2 nodes");
  command
    .command("setup")
    .description("build rclnodejs for the ROS 2 that is sourced (once; again after another ROS 2 or new packages)")
    .option("--force", "also when a build is there", false)
    .action(({ force }: { force: boolean }) => setUp(force));
  command
    .command("node")
    .description("run one node; `ros2 run latentloop <kind>` does this")
    .argument("<kind>", "for example camera_ingest")
    .argument("[rosArguments...]", "as of every ROS 2 node: --ros-args -r __ns:=/left -p model:=…")
    .allowUnknownOption()
    .action(async (kind: string) => {
      const { runKindOnRos } = await import("../../nodes/ros-node.ts");
      await runKindOnRos(kind, process.argv);
      process.exit(0); // the middleware's threads and a node's own workers end with the process
    });
  return command;
}

function setUp(force: boolean): void {
  checkEnvironment(process.env);
  const folder = findRclnodejs();
  if (folder !== undefined && isBuilt(folder) && !force) {
    process.stderr.write("rclnodejs is built already; --force builds it again.\n");
    return;
  }
  // Our .npmrc forbids install scripts; this one package's are what builds it. Its clean-up asks npx, which asks the user.
  const { status } = spawnSync("npm", ["rebuild", "rclnodejs", "--ignore-scripts=false", "--foreground-scripts"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    env: { ...process.env, npm_config_yes: "true" },
  });
  const built = findRclnodejs();
  if (status === 0 && built !== undefined && isBuilt(built)) return;
  throw new LatentloopError("ERR_ROS_BINDING", "Expected rclnodejs to build but it did not: see its output above.", {
    remedy: "It needs a C++ compiler, python3, and the ros2 command on the PATH.",
  });
}
