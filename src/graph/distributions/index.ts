export * from "./bernoulli.ts";
export * from "./categorical.ts";
export * from "./distribution.ts";
export * from "./gaussian.ts";
export * from "./gaussian-mixture.ts";
export * from "./tanh-gaussian.ts";
export * from "./two-hot.ts";
