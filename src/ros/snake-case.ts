/** "commandRateHz" → "command_rate_hz", also in names of several parts joined by dots; a hyphen, which ROS has not, is a joint too. */
export function toSnakeCase(name: string): string {
  return name.replaceAll("-", "_").replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
