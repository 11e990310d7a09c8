/** One core's worth of work, until the process is ended or loses its parent. */
process.on("disconnect", () => process.exit());

let x = 0;
function spin(): void {
  const until = performance.now() + 50;
  while (performance.now() < until) x = Math.sin(x + 1);
  setImmediate(spin);
}
spin();
