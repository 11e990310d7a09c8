import { readFileSync } from "node:fs";
import { chainFromUrdf } from "../../config/urdf-chain.ts";
import { SerialChain } from "../../math/serial-chain.ts";
import type { KinematicsModule } from "./control-setup.ts";

export interface UrdfKinematicsOptions {
  /** File of the robot's description. */
  readonly urdf: string;
  /** Links whose places the workspace bounds. */
  readonly links: readonly string[];
  /** The robot's joints in the order of its vectors. */
  readonly joints: readonly string[];
}

/** Where a robot's links are, by its URDF: what a workspace needs. @throws those of `chainFromUrdf`, and of reading the file */
export function createKinematics(options: unknown): ReturnType<KinematicsModule["createKinematics"]> {
  const { urdf, links, joints } = options as UrdfKinematicsOptions;
  const text = readFileSync(urdf, "utf8");
  const chains = links.map((link) => new SerialChain(chainFromUrdf(text, link, joints)));
  return {
    pointCount: chains.length,
    forwardKinematics(positions, points) {
      for (let i = 0; i < chains.length; i++) {
        const chain = chains[i]!;
        chain.update(positions);
        points.set(chain.tip, 3 * i);
      }
    },
  };
}
