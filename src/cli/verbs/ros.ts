import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { Command } from "commander";
import { stringify } from "yaml";
import { root } from "../../config/package-root.ts";
import { parseStrict } from "../../config/parse-strict.ts";
import { readText } from "../../config/read-config.ts";
import { robotSchema } from "../../config/robot-file.ts";
import { robotFromUrdf } from "../../config/urdf.ts";
import { LatentloopError } from "../../core/errors.ts";
import { LATCHED_QOS } from "../../core/node.ts";
import type { CommandInterface } from "../../core/robot.ts";
import { checkEnvironment, findRclnodejs, isBuilt } from "../../ros/index.ts";
import { positive } from "../flags.ts";

const DESCRIPTION_TIMEOUT_MS = 5000;

/** `latentloop ros setup | node | robot-file`: the binding to ROS 2, our nodes on it, and what a robot says of itself. */
export function rosCommand(): Command {
  const command = new Command("ros").description("our nodes as managed ROS 2 nodes");
  command
    .command("setup")
    .description("build rclnodejs for the ROS 2 that is sourced (once; again after another ROS 2 or new packages)")
    .option("--force", "also when a build is there", false)
    .option("--messages", "only its messages, after packages with messages or actions were installed", false)
    .action(({ force, messages }: SetupFlags) => {
      if (messages) generateMessages();
      else setUp(force);
    });
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
  command
    .command("robot-file")
    .description("print a robot's file, made from its URDF: joints and limits, to be narrowed by hand")
    .option("--urdf <file>", "by default what is published on robot_description")
    .option("--joints <names>", "the controller's joints in its order, with commas; by default all that move")
    .option("--interface <kind>", "what the controller takes: position or velocity", "position")
    .requiredOption("--acceleration <n>", "highest acceleration of every joint: URDF has none", positive)
    .action(printRobotFile);
  return command;
}

interface SetupFlags {
  readonly force: boolean;
  readonly messages: boolean;
}

interface RobotFileFlags {
  readonly urdf?: string;
  readonly joints?: string;
  readonly interface: string;
  readonly acceleration: number;
}

async function printRobotFile(flags: RobotFileFlags): Promise<void> {
  const text = flags.urdf === undefined ? await receiveDescription() : await readText(flags.urdf);
  const robot = robotFromUrdf(text, {
    commandInterface: flags.interface as CommandInterface,
    acceleration: flags.acceleration,
    ...(flags.joints === undefined ? {} : { joints: flags.joints.split(",").map((name) => name.trim()) }),
  });
  process.stdout.write(stringify(parseStrict(robotSchema, robot, "the robot description")));
}

async function receiveDescription(): Promise<string> {
  const { openRosContext } = await import("../../ros/index.ts");
  const { context, close } = await openRosContext("robot_file");
  try {
    return await new Promise((resolve, reject) => {
      const silence = () =>
        reject(
          new LatentloopError("ERR_FILE_UNREADABLE", "Expected a message on robot_description but received none.", {
            remedy: "Start the robot's robot_state_publisher, or give --urdf.",
          }),
        );
      const timer = setTimeout(silence, DESCRIPTION_TIMEOUT_MS);
      const receive = ({ data }: { data: string }) => {
        clearTimeout(timer);
        resolve(data);
      };
      context.subscribe("robot_description", "std_msgs/msg/String", receive, LATCHED_QOS);
    });
  } finally {
    close();
  }
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

/** Actions want the generated messages of their package; topics do not. */
function generateMessages(): void {
  checkEnvironment(process.env);
  const folder = findRclnodejs() ?? "";
  const program = join(folder, "scripts", "generate_messages.cjs");
  const { status } = spawnSync(process.execPath, [program], { stdio: ["ignore", 2, 2] });
  if (status === 0) return;
  throw new LatentloopError("ERR_ROS_BINDING", "Expected rclnodejs to generate its messages but it did not.", {
    remedy: "See its output above; `latentloop ros setup --force` begins from nothing.",
  });
}
