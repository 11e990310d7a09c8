import type { Rng } from "../../core/rng.ts";
import type { Physics } from "../physics.ts";
import type { Task } from "../task.ts";

/** What the tasks of the DeepMind Control Suite share (Tassa et al. 2018, arXiv:1801.00690), at action repeat 1. */
export const SUITE_TASK = {
  cameras: [{ name: "scene", width: 64, height: 64 }],
  shadows: true,
  episodeSteps: 1000,
  rewardRange: [0, 1],
} as const satisfies Partial<Task>;

export const SUITE_LIGHT = `<light dir="-0.3 0.4 -1" diffuse="0.65 0.65 0.65" ambient="0.35 0.35 0.35"/>`;

/** Materials of the suite's worlds: a checkered ground on which movement can be seen. */
export const SUITE_ASSETS = `
    <texture name="checker" type="2d" builtin="checker" rgb1="0.2 0.3 0.4" rgb2="0.3 0.4 0.5" width="2" height="2"/>
    <material name="ground" texture="checker" texrepeat="1 1" texuniform="true"/>
    <material name="body" rgba="0.7 0.5 0.3 1"/>
    <material name="effector" rgba="0.7 0.4 0.2 1"/>
    <material name="fixture" rgba="0.3 0.5 0.7 1"/>
    <material name="target" rgba="0.6 0.3 0.3 1"/>`;

/** Random angles: limited hinges uniformly over their range, unlimited ones over a full turn. */
export function randomHinges(physics: Physics, rng: Rng, hinges: readonly string[], limited: readonly boolean[]): void {
  hinges.forEach((name, i) => {
    const joint = physics.id("joint", name);
    const address = physics.borrowModel("jnt_qposadr")[joint]!;
    const range = physics.borrowModel("jnt_range");
    const [low, high] = limited[i] ? [range[2 * joint]!, range[2 * joint + 1]!] : [-Math.PI, Math.PI];
    physics.borrow("qpos")[address] = rng.uniform(low, high);
  });
}
