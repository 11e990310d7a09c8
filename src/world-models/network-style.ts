import { z } from "zod";
import { nn, relu, silu, uniformFanIn, varianceScaling, zeros } from "../graph/index.ts";

/** How all networks of a recurrent world model are made: `plain` as PlaNet and Dreamer's first version, `normalized` as the third. */
export const NetworkStyle = z.enum(["plain", "normalized"]);
export type NetworkStyle = z.infer<typeof NetworkStyle>;

/** Epsilon of the normalisation in DreamerV3's published code. */
const RMS_EPSILON = 1e-4;

type Style = Required<Pick<nn.MlpOptions, "activation" | "layer">> & Pick<nn.MlpOptions, "normalization">;

/** The same choices as options of a perceptron. */
export const NETWORK_STYLES: Readonly<Record<NetworkStyle, Style>> = {
  plain: { activation: relu, layer: { initializer: uniformFanIn } },
  normalized: {
    activation: silu,
    normalization: (p, x) => nn.rmsNorm(p, x, RMS_EPSILON),
    layer: { initializer: varianceScaling(), biasInitializer: zeros },
  },
};
