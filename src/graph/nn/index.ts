export * from "./convolution.ts";
export * from "./dropout.ts";
export * from "./image.ts";
export * from "./linear.ts";
export * from "./mlp.ts";
export * from "./normalization.ts";
export * from "./recurrent.ts";
export * from "./transformer.ts";
