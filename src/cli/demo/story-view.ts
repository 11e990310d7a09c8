import { renderFigures } from "./render-loop.ts";
import type { RunningStory } from "./story.ts";

const WIDTH = 96;

/** The lines of a view of a story: what goes on in plain words, the trainer, the loop's figures. */
export function renderStory(title: string, { measured, stage, trainer }: RunningStory): string[] {
  return [title, ...wrap(stage).map((line) => `  ${line}`), trainerLine(trainer), ...renderFigures(measured)];
}

function trainerLine(trainer: RunningStory["trainer"]): string {
  if (trainer === undefined) return "  trainer    starts";
  const { state, reason, progress, updates_per_second: rate, episodes, figure_names: names, figures } = trainer;
  const done = state === "training" ? ` ${(100 * progress).toFixed(0)} %, ${rate.toFixed(0)} updates/s` : "";
  const losses = names.map((name, i) => `${name} ${Number(figures[i]).toPrecision(3)}`);
  const what = [`${state}${done}`, reason, `${episodes} episodes`, ...(state === "training" ? losses : [])];
  return `  trainer    ${what.filter((part) => part !== "").join(" · ")}`;
}

/** Two lines at most, so that the view keeps its height. */
function wrap(sentence: string): string[] {
  const lines = [""];
  for (const word of sentence.split(" ")) {
    const line = lines.at(-1)!;
    if (line.length + word.length + 1 > WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  while (lines.length < 2) lines.push("");
  return lines;
}
