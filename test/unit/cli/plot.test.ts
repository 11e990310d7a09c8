import assert from "node:assert/strict";
import { test } from "node:test";
import { renderLineCharts } from "../../../src/cli/plot/line-chart.ts";
import { terminalImage } from "../../../src/cli/plot/terminal-image.ts";

const coordinates = (svg: string) =>
  [...svg.matchAll(/<polyline points="([^"]*)"/g)].map(([, points = ""]) =>
    points
      .split(" ")
      .filter(Boolean)
      .map((pair) => pair.split(",").map(Number)),
  );

test("larger values are drawn higher, later ones further right", () => {
  const points = [
    [0, 1],
    [5, 100],
    [10, 10],
  ] as const;
  for (const scale of ["linear", "log"] as const) {
    const [line = []] = coordinates(
      renderLineCharts("title", "s", [{ label: "loss", scale, series: [{ name: "a", points }] }]),
    );
    const [first, second, third] = line as [number[], number[], number[]];
    assert.ok(first[0]! < second[0]! && second[0]! < third[0]!);
    assert.ok(second[1]! < third[1]! && third[1]! < first[1]!);
  }
});

test("on a log scale equal factors are equal distances", () => {
  const points = [
    [0, 1],
    [1, 10],
    [2, 100],
  ] as const;
  const [line = []] = coordinates(
    renderLineCharts("title", "s", [{ label: "loss", scale: "log", series: [{ name: "a", points }] }]),
  );
  const heights = line.map(([, y]) => y!);
  assert.ok(Math.abs(heights[0]! - 2 * heights[1]! + heights[2]!) < 0.2);
});

test("a line along the smallest value does not lie on the frame", () => {
  const points = [
    [0, 10],
    [1, 10],
    [2, 40],
  ] as const;
  const svg = renderLineCharts("title", "s", [{ label: "gap", scale: "log", series: [{ name: "", points }] }]);
  const [frame] = [...svg.matchAll(/<rect x="\d+" y="(\d+)" width="\d+" height="(\d+)"/g)];
  const bottom = Number(frame![1]) + Number(frame![2]);
  const [line = []] = coordinates(svg);
  assert.ok(line[0]![1]! < bottom - 5 && line[2]![1]! > Number(frame![1]) + 5);
});

test("a log scale is labelled with round numbers, whether it spans decades or not", () => {
  const labels = (low: number, high: number) => {
    const points = [
      [0, low],
      [1, high],
    ] as const;
    const svg = renderLineCharts("t", "s", [{ label: "l", scale: "log", series: [{ name: "", points }] }]);
    return [...svg.matchAll(/dy="4"[^>]*>([^<]*)</g)].map(([, text]) => Number(text));
  };
  assert.deepEqual(labels(3, 150), [5, 10, 20, 50, 100]);
  assert.deepEqual(labels(0.001, 1000), [0.001, 0.01, 0.1, 1, 10, 100, 1000]);
  assert.deepEqual(labels(30, 40), [30, 35, 40]);
});

test("values that cannot be drawn are left out: not finite, or not positive on a log scale", () => {
  const points = [
    [0, Number.NaN],
    [1, 0],
    [2, -1],
    [3, 5],
    [4, Number.POSITIVE_INFINITY],
  ] as const;
  const svg = renderLineCharts("title", "s", [{ label: "loss", scale: "log", series: [{ name: "a", points }] }]);
  assert.equal(coordinates(svg)[0]!.length, 1);
  assert.doesNotMatch(svg, /NaN|Infinity/);
});

test("a chart without any value is still a chart, and names are escaped", () => {
  const svg = renderLineCharts("a < b & c", "s", [
    { label: "x", scale: "linear", series: [{ name: "<a>", points: [] }] },
  ]);
  assert.doesNotMatch(svg, /NaN|Infinity|<a>/);
  assert.match(svg, /a &lt; b &amp; c/);
});

test("a terminal image shows the mean colour of what each half block covers", () => {
  const image = new Uint8Array(4 * 4 * 3);
  image.fill(200, 0, 24); // the upper two rows
  const lines = terminalImage(image, 4, 4, 2);
  assert.equal(lines.length, 1);
  assert.equal(lines[0]!.split("▀").length - 1, 2);
  assert.match(lines[0]!, /38;2;200;200;200m.*48;2;0;0;0m/);
});
