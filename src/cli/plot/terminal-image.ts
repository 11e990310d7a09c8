const RESET = "\x1b[0m";

/**
 * An image as coloured half blocks for a terminal, `columns` characters wide: two pixels above one another in every character.
 *
 * Shapes: image [Y, X, 3]
 */
export function terminalImage(image: Uint8Array, width: number, height: number, columns: number): string[] {
  const cell = width / columns;
  const colorAt = (column: number, row: number) => meanColor(image, width, column * cell, row * cell, cell).join(";");
  const rows = Math.floor(height / cell / 2);
  return Array.from({ length: rows }, (_, row) => {
    const characters = Array.from(
      { length: columns },
      (_, column) => `\x1b[38;2;${colorAt(column, 2 * row)}m\x1b[48;2;${colorAt(column, 2 * row + 1)}m▀`,
    );
    return characters.join("") + RESET;
  });
}

function meanColor(image: Uint8Array, width: number, left: number, top: number, size: number): number[] {
  const sums = [0, 0, 0];
  let count = 0;
  for (let y = Math.floor(top); y < Math.ceil(top + size); y++) {
    for (let x = Math.floor(left); x < Math.ceil(left + size); x++) {
      for (let c = 0; c < 3; c++) sums[c]! += image[(y * width + x) * 3 + c]!;
      count++;
    }
  }
  return sums.map((sum) => Math.round(sum / count));
}
