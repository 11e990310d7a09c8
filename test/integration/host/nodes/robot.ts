import type { Role } from "../../../../src/nodes/node-kind.ts";

export { create } from "./test-node.ts";
export const role: Role = "robot";
