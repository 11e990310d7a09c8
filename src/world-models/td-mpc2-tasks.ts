import { argMax, concat, reshape, type Sym, slice } from "../graph/index.ts";
import type { TdMpc2Options } from "./td-mpc2-networks.ts";
import type { LatentModel } from "./world-model.ts";

/** Which task each row is of, from marks that are 1 at its place and 0 elsewhere. Shapes: [N, T] → [N] int64 */
export function taskIndices(marks: Sym): Sym {
  return reshape(argMax(marks), [marks.extent(0)]);
}

/** The last columns, which say the task. Shapes: x [N, D] → [N, tasks] */
export function taskMarks(x: Sym, tasks: number): Sym {
  return slice(x, 1, x.extent(1) - tasks);
}

/**
 * A model of several tasks that is told the task by the end of the proprioception and remembers it at the end of its latent.
 * All rows of a latent are of one task: a bundle observes and plans for one robot.
 */
export function carryTask(build: (options: TdMpc2Options) => LatentModel, tasks: number): LatentModel {
  const sizes = build({});
  const known = (marks: Sym) => build({ task: taskIndices(slice(marks, 0, 0, 1)) });
  const withoutMarks = (x: Sym) => slice(x, 1, 0, x.extent(1) - tasks);
  const apart = (x: Sym) => {
    const marks = taskMarks(x, tasks);
    return { model: known(marks), rest: withoutMarks(x), marks };
  };
  return {
    latentSize: sizes.latentSize + tasks,
    actionSize: sizes.actionSize,
    embeddingSize: sizes.embeddingSize + tasks,
    noiseSizes: sizes.noiseSizes,
    encode(images, proprioception) {
      const marks = taskMarks(proprioception!, tasks);
      return concat([known(marks).encode(images, proprioception), marks]);
    },
    begin(embedding) {
      const { model, rest, marks } = apart(embedding);
      return concat([model.begin(rest), marks]);
    },
    observe(latent, action, embedding) {
      const { model, rest, marks } = apart(embedding);
      const { latent: believed, surprise } = model.observe(withoutMarks(latent), action, rest);
      return { latent: concat([believed, marks]), surprise };
    },
    next(latent, action, noise) {
      const { model, rest, marks } = apart(latent);
      return concat([model.next(rest, action, noise), marks]);
    },
    reward(latent, action, next) {
      const { model, rest } = apart(latent);
      return model.reward(rest, action, next);
    },
    value(latent, noise) {
      const { model, rest } = apart(latent);
      return model.value!(rest, noise);
    },
    policy(latent, noise) {
      const { model, rest } = apart(latent);
      return model.policy!(rest, noise);
    },
  };
}
