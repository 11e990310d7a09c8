/** Processor time of all threads of this process so far: on a busy machine the only time that tells what work costs. Units: s */
export function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
