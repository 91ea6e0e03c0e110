// One operation on a small plane, cell by cell: what each step reads, with which weight, and what it makes. No DOM here.
// It computes what `cnn_demo.convolution` does: `convolve`, `pool`, `blur_pool` and `transposed_convolve`.

import { ACTIVATIONS, appliedKernel, dilatedSize, outputSize, paddedIndex, paddingAmounts, windowCells } from "../conv_math.js"

/** @typedef {import("../conv_math.js").Pair} Pair */

/**
 * @typedef {object} Operation
 * @property {"convolution" | "max" | "average" | "min" | "l2" | "blur" | "transposed"} kind - "blur" takes the maximum of
 *   each window at stride 1, blurs, and keeps every `stride`-th value; with windows of 1 × 1 it only blurs.
 * @property {Pair} size - Of the kernel or the window.
 * @property {number[]} weights - Of the kernel, row by row; empty for pooling.
 * @property {Pair} stride
 * @property {Pair} dilation - 1 for pooling.
 * @property {"same" | "valid" | Pair} padding
 * @property {"zeros" | "reflect" | "replicate" | "circular"} mode
 * @property {boolean} flip
 * @property {number} bias
 * @property {string} activation - A key of `ACTIVATIONS`.
 *
 * @typedef {object} Plan - Sizes of an operation on a plane.
 * @property {Operation} operation
 * @property {Pair} size - Of the plane.
 * @property {Pair} out - Of the result.
 * @property {[Pair, Pair]} amounts - Padding that is drawn around the plane.
 * @property {Pair} walk - Positions that the window or the stamp takes, down and across.
 *
 * @typedef {object} Tap - A value under a weight.
 * @property {number} row - In the plane, or in the padding around it; of a stamp, in the result.
 * @property {number} column
 * @property {number} value
 * @property {number} weight
 * @property {boolean} inside - Whether it lies in the plane, not in its padding.
 */

/**
 * Return the taps of a binomial blur, which sum to 1: `2 * stride + 1` of them.
 * @param {number} stride
 * @returns {number[]}
 */
export function binomial(stride) {
  let taps = [1]
  for (let i = 0; i < 2 * stride; i++) taps = [...taps, 0].map((tap, at) => (tap + (taps[at - 1] ?? 0)) / 2)
  return taps
}

/**
 * Return the sizes of an operation on a plane, or a sentence on why it does not fit.
 * @param {Operation} operation
 * @param {Pair} size
 * @returns {Plan | {problem: string}}
 */
export function planOf(operation, size) {
  const { kind, size: window, stride, dilation } = operation
  if (kind === "transposed") {
    const crop = pairOf(operation.padding)
    const out = axes((axis) => (size[axis] - 1) * stride[axis] - 2 * crop[axis] + dilation[axis] * (window[axis] - 1) + 1)
    if (Math.min(...out) < 1) return { problem: "This padding crops everything: choose less padding or a larger crop." }
    return { operation, size, out, amounts: [[0, 0], [0, 0]], walk: size }
  }
  if (kind === "convolution") {
    const out = outputSize(size, window, operation)
    const span = dilatedSize(window, dilation)
    const amounts = paddingAmounts(size, window, operation)
    const room = axes((axis) => size[axis] + amounts[axis][0] + amounts[axis][1])
    if (!out) {
      return { problem: `The kernel spans ${span[0]} × ${span[1]} cells, and the padded crop has ${room[0]} × ${room[1]}: ` +
        "choose more cells, more padding, less dilation or a smaller kernel." }
    }
    return { operation, size, out, amounts, walk: out }
  }
  const border = kind === "blur" ? [0, 0] : pairOf(operation.padding)
  const slack = axes((axis) => size[axis] + 2 * border[axis] - window[axis])
  if (Math.min(...slack) < 0) {
    return { problem: `The window of ${window[0]} × ${window[1]} is larger than the crop: choose more cells or a smaller window.` }
  }
  const out = axes((axis) => Math.floor(slack[axis] / stride[axis]) + 1)
  const amounts = /** @type {[Pair, Pair]} */ (axes((axis) => [border[axis], border[axis]]))
  return { operation, size, out, amounts, walk: out }
}

/**
 * Return a value for each axis.
 * @param {(axis: number) => any} value
 * @returns {any}
 */
function axes(value) {
  return [value(0), value(1)]
}

/**
 * Return a padding as pixels.
 * @param {"same" | "valid" | Pair} padding
 * @returns {Pair}
 */
function pairOf(padding) {
  return typeof padding === "string" ? [0, 0] : padding
}

/**
 * Return a plane's values with what an operation has to know of it: of "blur", the maxima at stride 1.
 * @param {Plan} plan
 * @param {ArrayLike<number>} values - Row by row.
 * @returns {{values: ArrayLike<number>, maxima?: Float64Array, maximaSize?: Pair}}
 */
export function prepared(plan, values) {
  if (plan.operation.kind !== "blur") return { values }
  const { size: [height, width], operation: { size: [kh, kw] } } = plan
  const rows = height - kh + 1, columns = width - kw + 1
  const maxima = new Float64Array(rows * columns).fill(-Infinity)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      for (let u = 0; u < kh; u++) {
        for (let v = 0; v < kw; v++) {
          maxima[i * columns + j] = Math.max(maxima[i * columns + j], values[(i + u) * width + j + v])
        }
      }
    }
  }
  return { values, maxima, maximaSize: [rows, columns] }
}

/**
 * Return what one step reads: the cells under the kernel or the window, those of a stamp, or the maxima under a blur.
 * @param {Plan} plan
 * @param {ReturnType<typeof prepared>} plane
 * @param {number} index - Of the step, row by row.
 * @returns {Tap[]} Of a stamp, `value` is the one of the input that is stamped, and the places are in the result.
 */
export function tapsOf(plan, plane, index) {
  const { operation, size } = plan
  const row = Math.floor(index / plan.walk[1]), column = index % plan.walk[1]
  if (operation.kind === "convolution") {
    const kernel = appliedKernel(operation.weights, operation)
    return windowCells(row, column, size, operation.size, operation).map((cell, at) => ({
      row: cell.row, column: cell.column, inside: cell.inside, weight: kernel[at],
      value: cell.source < 0 ? 0 : plane.values[cell.source],
    }))
  }
  if (operation.kind === "transposed") return stampOf(plan, plane, row, column)
  if (operation.kind === "blur") return blurTaps(plan, plane, row, column)
  return poolTaps(plan, plane, row, column)
}

/**
 * Return the cells of the result that one cell of the input adds to.
 * @param {Plan} plan
 * @param {ReturnType<typeof prepared>} plane
 * @param {number} row - Of the input.
 * @param {number} column
 * @returns {Tap[]}
 */
function stampOf({ operation, size, out }, plane, row, column) {
  const { size: [kh, kw], stride, dilation, weights } = operation
  const crop = pairOf(operation.padding)
  const value = plane.values[row * size[1] + column]
  const taps = []
  for (let u = 0; u < kh; u++) {
    for (let v = 0; v < kw; v++) {
      const y = row * stride[0] + u * dilation[0] - crop[0], x = column * stride[1] + v * dilation[1] - crop[1]
      const inside = y >= 0 && y < out[0] && x >= 0 && x < out[1]
      taps.push({ row: y, column: x, value, weight: weights[u * kw + v], inside })
    }
  }
  return taps
}

/**
 * Return the maxima under the blur, each with its weight; beyond the border they are mirrored.
 * @param {Plan} plan
 * @param {ReturnType<typeof prepared>} plane
 * @param {number} row - Of the result.
 * @param {number} column
 * @returns {Tap[]}
 */
function blurTaps({ operation: { stride } }, plane, row, column) {
  const down = binomial(stride[0]), across = binomial(stride[1])
  const [rows, columns] = plane.maximaSize
  return down.flatMap((first, u) => across.map((second, v) => {
    const y = row * stride[0] + u - stride[0], x = column * stride[1] + v - stride[1]
    const at = [paddedIndex(y, rows, "reflect"), paddedIndex(x, columns, "reflect")]
    const inside = y >= 0 && y < rows && x >= 0 && x < columns
    return { row: y, column: x, inside, weight: first * second, value: plane.maxima[at[0] * columns + at[1]] }
  }))
}

/**
 * Return the values of a pooling window; its weights are those of `explain_window`.
 * @param {Plan} plan
 * @param {ReturnType<typeof prepared>} plane
 * @param {number} row - Of the result.
 * @param {number} column
 * @returns {Tap[]} Padding is among them only for the L2 norm, where it is zero.
 */
function poolTaps({ operation, size, amounts }, plane, row, column) {
  const { size: [kh, kw], stride, kind } = operation
  const taps = []
  for (let u = 0; u < kh; u++) {
    for (let v = 0; v < kw; v++) {
      const y = row * stride[0] + u - amounts[0][0], x = column * stride[1] + v - amounts[1][0]
      const inside = y >= 0 && y < size[0] && x >= 0 && x < size[1]
      if (!inside && kind !== "l2") continue
      taps.push({ row: y, column: x, inside, weight: 0, value: inside ? plane.values[y * size[1] + x] : 0 })
    }
  }
  if (kind === "average") for (const tap of taps) tap.weight = 1 / taps.length
  else if (kind === "l2") {
    const norm = Math.hypot(...taps.map((tap) => tap.value))
    for (const tap of taps) tap.weight = norm > 0 ? tap.value / norm : 0
  } else taps[winnerOf(taps, kind)].weight = 1
  return taps
}

/**
 * Return the index of the maximum or minimum; of several equal ones the first.
 * @param {Tap[]} taps
 * @param {string} kind - "max" or "min".
 * @returns {number}
 */
function winnerOf(taps, kind) {
  const sign = kind === "min" ? -1 : 1
  return taps.reduce((best, tap, at) => (sign * tap.value > sign * taps[best].value ? at : best), 0)
}

/**
 * Return the sum of the products, before bias and activation; of pooling, the pooled value.
 * @param {Tap[]} taps
 * @returns {number}
 */
export function sumOf(taps) {
  return taps.reduce((sum, tap) => sum + tap.value * tap.weight, 0)
}

/**
 * Return the result of a number of steps.
 * @param {Plan} plan
 * @param {ReturnType<typeof prepared>} plane
 * @param {number} [steps] - How many are done; default: all. The cells of the rest are NaN; a stamp adds to zeros.
 * @returns {Float64Array}
 */
export function resultOf(plan, plane, steps = plan.walk[0] * plan.walk[1]) {
  const { operation, out } = plan
  const result = new Float64Array(out[0] * out[1])
  if (operation.kind === "transposed") {
    for (let index = 0; index < steps; index++) {
      for (const tap of tapsOf(plan, plane, index)) {
        if (tap.inside) result[tap.row * out[1] + tap.column] += tap.value * tap.weight
      }
    }
    return result.map((value) => value + operation.bias)
  }
  const activation = ACTIVATIONS[operation.activation]
  result.fill(NaN)
  for (let index = 0; index < steps; index++) {
    result[index] = activation(sumOf(tapsOf(plan, plane, index)) + operation.bias)
  }
  return result
}

/**
 * Return by how many stamps each cell of the result of a transposed convolution has been reached.
 * @param {Plan} plan
 * @returns {Float64Array}
 */
export function stampCounts(plan) {
  const operation = { ...plan.operation, weights: plan.operation.weights.map(() => 1), bias: 0 }
  return resultOf({ ...plan, operation }, { values: new Float64Array(plan.size[0] * plan.size[1]).fill(1) })
}

/**
 * Return the part of the plane that one step reads, in rows and columns of the plane.
 * @param {Plan} plan
 * @param {number} index - Of the step.
 * @returns {{row: number, column: number, height: number, width: number}}
 */
export function windowOf(plan, index) {
  const { operation: { kind, size, stride, dilation }, amounts } = plan
  const row = Math.floor(index / plan.walk[1]), column = index % plan.walk[1]
  if (kind === "transposed") return { row, column, height: 1, width: 1 }
  if (kind === "blur") {
    const top = Math.max(row * stride[0] - stride[0], 0), left = Math.max(column * stride[1] - stride[1], 0)
    const bottom = Math.min(row * stride[0] + stride[0] + size[0], plan.size[0])
    const right = Math.min(column * stride[1] + stride[1] + size[1], plan.size[1])
    return { row: top, column: left, height: bottom - top, width: right - left }
  }
  const [height, width] = kind === "convolution" ? dilatedSize(size, dilation) : size
  return { row: row * stride[0] - amounts[0][0], column: column * stride[1] - amounts[1][0], height, width }
}

/**
 * Return the part of the result that one step makes.
 * @param {Plan} plan
 * @param {number} index - Of the step.
 * @returns {{row: number, column: number, height: number, width: number}}
 */
export function madeBy(plan, index) {
  const row = Math.floor(index / plan.walk[1]), column = index % plan.walk[1]
  if (plan.operation.kind !== "transposed") return { row, column, height: 1, width: 1 }
  const { size, stride, dilation } = plan.operation
  const crop = pairOf(plan.operation.padding)
  const [height, width] = dilatedSize(size, dilation)
  return { row: row * stride[0] - crop[0], column: column * stride[1] - crop[1], height, width }
}

/**
 * Return the step whose window is centred nearest to a cell of the plane.
 * @param {Plan} plan
 * @param {number} row
 * @param {number} column
 * @returns {number}
 */
export function stepAt(plan, row, column) {
  const first = windowOf(plan, 0)
  const { kind, stride } = plan.operation
  if (kind === "transposed") return row * plan.walk[1] + column
  const offset = kind === "blur" ? plan.operation.size.map((side) => (side - 1) / 2)
    : [first.row + (first.height - 1) / 2, first.column + (first.width - 1) / 2]
  const [y, x] = [row, column].map((at, axis) => {
    const step = Math.ceil((at - offset[axis]) / stride[axis] - 0.5)
    return Math.min(Math.max(step, 0), plan.walk[axis] - 1)
  })
  return y * plan.walk[1] + x
}
