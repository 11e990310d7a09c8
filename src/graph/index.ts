export { OPSET_VERSION, toOnnx } from "./emit.ts";
export { gradients } from "./gradients.ts";
export { Graph, type NoiseKind } from "./graph.ts";
export * from "./nn/initializers.ts";
export * from "./operators/index.ts";
export * from "./parameters.ts";
export { type Operand, Sym } from "./sym.ts";
