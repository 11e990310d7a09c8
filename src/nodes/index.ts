import { type NodeKind, nodeFactory } from "./node-kind.ts";

/** Node kinds of launch descriptions. A launch file may also name a module of its own: `kind: ./my-node.js`. */
export const NODE_KINDS: Readonly<Record<string, NodeKind>> = {
  "camera-ingest": {
    about: "camera images → the images that a model was trained on",
    role: "intake",
    async load() {
      const { cameraIngestParameters, createCameraIngest } = await import("./camera-ingest.ts");
      return nodeFactory(cameraIngestParameters, createCameraIngest);
    },
  },
};
