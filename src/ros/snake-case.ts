/** "commandRateHz" → "command_rate_hz", also in names of several parts joined by dots. */
export function toSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
