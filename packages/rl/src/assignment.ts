/**
 * The one-to-one assignment with the greatest total score (Hungarian method with potentials, O(rows^2 columns);
 * Kuhn 1955, in the form of Jonker and Volgenant 1987). Of the shorter side everything is assigned, bad scores too.
 *
 * @param scores - [rows][columns], finite or -Infinity for a pair that is ruled out; need not be square.
 * @returns for each row its column, or -1 where there are more rows than columns.
 * @throws {RangeError} if a score is NaN or Infinity, the rows differ in length, or no assignment avoids the pairs ruled out.
 */
export function bestAssignment(scores: readonly (readonly number[])[]): number[] {
  const rows = scores.length;
  const columns = rows === 0 ? 0 : scores[0]!.length;
  for (const [r, row] of scores.entries()) {
    if (row.length !== columns) {
      throw new RangeError(`expected every row to have ${columns} scores, row ${r} has ${row.length}`);
    }
    const bad = row.findIndex((score) => !(score < Number.POSITIVE_INFINITY));
    if (bad >= 0) throw new RangeError(`expected finite scores, received ${row[bad]} at row ${r}, column ${bad}`);
  }
  if (columns === 0) return new Array<number>(rows).fill(-1);
  if (rows > columns) {
    const transposed = Array.from({ length: columns }, (_, c) => scores.map((row) => row[c]!));
    const rowOfColumn = bestAssignment(transposed);
    const result = new Array<number>(rows).fill(-1);
    for (const [column, row] of rowOfColumn.entries()) result[row] = column;
    return result;
  }
  return assignRows(scores, rows, columns);
}

/** Rows <= columns. Rows and columns count from 1, 0 is the virtual start, as in the classic formulation. */
function assignRows(scores: readonly (readonly number[])[], rows: number, columns: number): number[] {
  const rowPotential = new Float64Array(rows + 1);
  const columnPotential = new Float64Array(columns + 1);
  const rowOfColumn = new Int32Array(columns + 1);
  const previous = new Int32Array(columns + 1);
  for (let row = 1; row <= rows; row += 1) {
    rowOfColumn[0] = row;
    let column = 0;
    const slack = new Float64Array(columns + 1).fill(Number.POSITIVE_INFINITY);
    const visited = new Uint8Array(columns + 1);
    do {
      visited[column] = 1;
      const current = rowOfColumn[column]!;
      let delta = Number.POSITIVE_INFINITY;
      let next = 0;
      for (let j = 1; j <= columns; j += 1) {
        if (visited[j]) continue;
        const cost = -scores[current - 1]![j - 1]! - rowPotential[current]! - columnPotential[j]!;
        if (cost < slack[j]!) {
          slack[j] = cost;
          previous[j] = column;
        }
        if (slack[j]! < delta) {
          delta = slack[j]!;
          next = j;
        }
      }
      if (delta === Number.POSITIVE_INFINITY) {
        throw new RangeError(
          'expected an assignment without the pairs of score -Infinity, received scores that allow none',
        );
      }
      for (let j = 0; j <= columns; j += 1) {
        if (visited[j]) {
          const r = rowOfColumn[j]!;
          rowPotential[r] = rowPotential[r]! + delta;
          columnPotential[j] = columnPotential[j]! - delta;
        } else {
          slack[j] = slack[j]! - delta;
        }
      }
      column = next;
    } while (rowOfColumn[column] !== 0);
    while (column !== 0) {
      const from = previous[column]!;
      rowOfColumn[column] = rowOfColumn[from]!;
      column = from;
    }
  }
  const columnOfRow = new Array<number>(rows).fill(-1);
  for (let j = 1; j <= columns; j += 1) {
    if (rowOfColumn[j]! > 0) columnOfRow[rowOfColumn[j]! - 1] = j - 1;
  }
  return columnOfRow;
}
