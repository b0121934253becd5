/** Scalar references in double precision, straight from the definitions: the oracle of both backends in tests. */

export function linearReference(x: Float64Array, w: Float64Array, b: Float64Array | null, d: number): Float64Array {
  const [n, out] = [x.length / d, w.length / d];
  return Float64Array.from({ length: n * out }, (_, index) => {
    const [row, column] = [Math.floor(index / out), index % out];
    let sum = b ? b[column]! : 0;
    for (let k = 0; k < d; k++) sum += x[row * d + k]! * w[column * d + k]!;
    return sum;
  });
}

export function rmsNormReference(x: Float64Array, weight: Float64Array, epsilon: number): Float64Array {
  const d = weight.length;
  return x.map((value, index) => {
    const row = x.subarray(index - (index % d), index - (index % d) + d);
    const meanSquare = row.reduce((sum, element) => sum + element * element, 0) / d;
    return (value / Math.sqrt(meanSquare + epsilon)) * weight[index % d]!;
  });
}

export function ropeReference(x: Float64Array, positions: Int32Array, heads: number, theta: number): Float64Array {
  const width = x.length / Math.max(1, positions.length);
  const headDim = width / heads;
  return x.map((value, index) => {
    const row = Math.floor(index / width);
    const i = (index % width) % headDim;
    const half = headDim / 2;
    const angle = positions[row]! * theta ** (-(2 * (i % half)) / headDim);
    const partner = i < half ? -x[index + half]! : x[index - half]!;
    return value * Math.cos(angle) + partner * Math.sin(angle);
  });
}

export function attentionReference(
  q: Float64Array,
  k: Float64Array,
  v: Float64Array,
  offsets: Int32Array,
  heads: number,
  kvHeads: number,
  headDim: number,
): Float64Array {
  const out = new Float64Array(q.length);
  for (let s = 0; s + 1 < offsets.length; s++) {
    for (let row = offsets[s]!; row < offsets[s + 1]!; row++) {
      for (let h = 0; h < heads; h++) {
        const kvHead = Math.floor(h / (heads / kvHeads));
        const weights: number[] = [];
        for (let column = offsets[s]!; column <= row; column++) {
          let score = 0;
          for (let i = 0; i < headDim; i++) {
            score += q[(row * heads + h) * headDim + i]! * k[(column * kvHeads + kvHead) * headDim + i]!;
          }
          weights.push(Math.exp(score / Math.sqrt(headDim)));
        }
        const total = weights.reduce((a, b) => a + b, 0);
        for (const [j, weight] of weights.entries()) {
          for (let i = 0; i < headDim; i++) {
            out[(row * heads + h) * headDim + i]! +=
              (weight / total) * v[((offsets[s]! + j) * kvHeads + kvHead) * headDim + i]!;
          }
        }
      }
    }
  }
  return out;
}

export function swigluReference(gate: Float64Array, up: Float64Array): Float64Array {
  return gate.map((g, i) => (g / (1 + Math.exp(-g))) * up[i]!);
}

export function embeddingReference(weight: Float64Array, ids: Int32Array, d: number): Float64Array {
  return Float64Array.from(
    { length: ids.length * d },
    (_, index) => weight[ids[Math.floor(index / d)]! * d + (index % d)]!,
  );
}

/** Log-probabilities, then entropies. */
export function linearLogprobReference(
  hidden: Float64Array,
  weight: Float64Array,
  targets: Int32Array,
  d: number,
  temperature: number,
): Float64Array {
  const logits = linearReference(hidden, weight, null, d);
  const vocab = weight.length / d;
  const out = new Float64Array(2 * targets.length);
  targets.forEach((target, row) => {
    const scaled = logits.slice(row * vocab, (row + 1) * vocab).map((logit) => logit / temperature);
    const lse = Math.log(scaled.reduce((sum, logit) => sum + Math.exp(logit), 0));
    out[row] = scaled[target]! - lse;
    out[targets.length + row] = -scaled.reduce((sum, logit) => sum + Math.exp(logit - lse) * (logit - lse), 0);
  });
  return out;
}
