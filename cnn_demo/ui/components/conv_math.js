// Convolution in the browser: the geometry, the sums and the display of values, as `cnn_demo.convolution` and
// `cnn_demo.drawing.pictures` have them. No DOM here. Sizes, strides and positions are [rows, columns].

/** @typedef {[number, number]} Pair */

/**
 * The geometry of a convolution, as `ConvSpec` in Python.
 * @typedef {object} Spec
 * @property {Pair} stride
 * @property {"same" | "valid" | Pair | [Pair, Pair]} padding - Pixels on both sides, where it is a pair of numbers;
 *   [[top, bottom], [left, right]], where it is a pair of pairs.
 * @property {"zeros" | "reflect" | "replicate" | "circular"} mode
 * @property {Pair} dilation
 * @property {boolean} flip - Whether the kernel is rotated by 180° first.
 */

/**
 * One channel of a picture, row by row.
 * @typedef {Float32Array} Plane
 */

/**
 * A pixel of an image under a weight of the kernel.
 * @typedef {object} Cell
 * @property {number} u - Row of the weight in the kernel as applied.
 * @property {number} v - Column of the weight.
 * @property {number} row - Row in the image; negative or at least its height in the padding.
 * @property {number} column
 * @property {boolean} inside - Whether it lies in the image, not in its padding.
 * @property {number} source - Index of the pixel whose value it has; -1 for a zero of the padding.
 */

/**
 * Return the index whose value a position has along one axis.
 * @param {number} position - May lie outside of 0 to length - 1.
 * @param {number} length - Pixels along the axis.
 * @param {string} mode - One of the padding modes.
 * @returns {number} -1 for a zero.
 */
export function paddedIndex(position, length, mode) {
  if (position >= 0 && position < length) return position
  if (mode === "replicate") return position < 0 ? 0 : length - 1
  if (mode === "circular") return ((position % length) + length) % length
  if (mode !== "reflect") return -1
  if (length === 1) return 0
  const period = 2 * (length - 1)
  const within = ((position % period) + period) % period
  return within < length ? within : period - within
}

/**
 * Return how many pixels a dilated kernel spans along each axis.
 * @param {Pair} kernelSize
 * @param {Pair} dilation
 * @returns {Pair}
 */
export function dilatedSize(kernelSize, dilation) {
  return [(kernelSize[0] - 1) * dilation[0] + 1, (kernelSize[1] - 1) * dilation[1] + 1]
}

/**
 * Return [[top, bottom], [left, right]] pixels of padding. "same" follows TensorFlow and Keras.
 * @param {Pair} size
 * @param {Pair} kernelSize
 * @param {Spec} spec
 * @returns {[Pair, Pair]}
 */
export function paddingAmounts(size, kernelSize, spec) {
  if (Array.isArray(spec.padding[0])) return /** @type {[Pair, Pair]} */ (spec.padding)
  const span = dilatedSize(kernelSize, spec.dilation)
  const amount = (axis) => {
    if (spec.padding === "valid") return [0, 0]
    if (spec.padding !== "same") return [spec.padding[axis], spec.padding[axis]]
    const windows = Math.ceil(size[axis] / spec.stride[axis])
    const total = Math.max((windows - 1) * spec.stride[axis] + span[axis] - size[axis], 0)
    return [total >> 1, total - (total >> 1)]
  }
  return /** @type {[Pair, Pair]} */ ([amount(0), amount(1)])
}

/**
 * Return the size of the result, or null if the kernel is larger than the padded image.
 * @param {Pair} size
 * @param {Pair} kernelSize
 * @param {Spec} spec
 * @returns {Pair | null}
 */
export function outputSize(size, kernelSize, spec) {
  const amounts = paddingAmounts(size, kernelSize, spec)
  const span = dilatedSize(kernelSize, spec.dilation)
  const slack = [0, 1].map((axis) => size[axis] + amounts[axis][0] + amounts[axis][1] - span[axis])
  if (Math.min(...slack) < 0) return null
  return [Math.floor(slack[0] / spec.stride[0]) + 1, Math.floor(slack[1] / spec.stride[1]) + 1]
}

/**
 * Return the kernel as it is applied to the image: rotated by 180° if the spec flips it.
 * @param {ArrayLike<number>} weights - Row by row.
 * @param {Spec} spec
 * @returns {Float32Array}
 */
export function appliedKernel(weights, spec) {
  const kernel = Float32Array.from(weights)
  return spec.flip ? kernel.reverse() : kernel
}

/**
 * Return the cells under the kernel for one pixel of the result, row by row, as many as the kernel has weights.
 * @param {number} row - Of the result.
 * @param {number} column
 * @param {Pair} size - Of the image.
 * @param {Pair} kernelSize
 * @param {Spec} spec
 * @returns {Cell[]}
 */
export function windowCells(row, column, size, kernelSize, spec) {
  const [[top], [left]] = paddingAmounts(size, kernelSize, spec)
  const cells = []
  for (let u = 0; u < kernelSize[0]; u++) {
    const y = row * spec.stride[0] + u * spec.dilation[0] - top
    const sourceRow = paddedIndex(y, size[0], spec.mode)
    for (let v = 0; v < kernelSize[1]; v++) {
      const x = column * spec.stride[1] + v * spec.dilation[1] - left
      const sourceColumn = paddedIndex(x, size[1], spec.mode)
      const source = sourceRow < 0 || sourceColumn < 0 ? -1 : sourceRow * size[1] + sourceColumn
      const inside = y >= 0 && y < size[0] && x >= 0 && x < size[1]
      cells.push({ u, v, row: y, column: x, inside, source })
    }
  }
  return cells
}

/**
 * Return [index of the result, index of the weight] of each use of one position of the image along one axis.
 * @param {number} position
 * @param {number} axis - 0 or 1.
 * @param {Pair} size
 * @param {Pair} kernelSize
 * @param {Spec} spec
 * @returns {Pair[]} Through the padding, one result may use a position several times.
 */
function axisUses(position, axis, size, kernelSize, spec) {
  const out = outputSize(size, kernelSize, spec)
  if (!out) return []
  const [before, after] = paddingAmounts(size, kernelSize, spec)[axis]
  const stride = spec.stride[axis], dilation = spec.dilation[axis]
  /** @type {Pair[]} */
  const uses = []
  const take = (at) => {
    for (let tap = 0; tap < kernelSize[axis]; tap++) {
      const begin = at + before - tap * dilation
      if (begin >= 0 && begin % stride === 0 && begin / stride < out[axis]) uses.push([begin / stride, tap])
    }
  }
  take(position)
  if (spec.mode === "zeros") return uses
  for (let at = -before; at < 0; at++) if (paddedIndex(at, size[axis], spec.mode) === position) take(at)
  for (let at = size[axis]; at < size[axis] + after; at++) {
    if (paddedIndex(at, size[axis], spec.mode) === position) take(at)
  }
  return uses
}

/**
 * Return every use of one pixel of the image: the pixel of the result, and the weight that it is multiplied by there.
 * @param {number} row - Of the image.
 * @param {number} column
 * @param {Pair} size
 * @param {Pair} kernelSize
 * @param {Spec} spec
 * @returns {{row: number, column: number, u: number, v: number}[]} The weight is at (u, v) of the kernel as applied.
 */
export function outputsUsing(row, column, size, kernelSize, spec) {
  const down = axisUses(row, 0, size, kernelSize, spec), across = axisUses(column, 1, size, kernelSize, spec)
  return down.flatMap(([y, u]) => across.map(([x, v]) => ({ row: y, column: x, u, v })))
}

/**
 * Return a column and a row whose outer product a kernel is; null if there are none. Two small filters are cheaper.
 * @param {ArrayLike<number>} kernel
 * @param {Pair} kernelSize
 * @returns {{column: Float32Array, row: Float32Array} | null}
 */
export function separated(kernel, kernelSize) {
  const [rows, columns] = kernelSize
  if (rows === 1 || columns === 1) return null
  let pivot = 0
  for (let i = 1; i < rows * columns; i++) if (Math.abs(kernel[i]) > Math.abs(kernel[pivot])) pivot = i
  const largest = kernel[pivot]
  if (!largest) return null
  const from = pivot - (pivot % columns)
  const row = Float32Array.from({ length: columns }, (_, v) => kernel[from + v])
  const column = Float32Array.from({ length: rows }, (_, u) => kernel[u * columns + (pivot % columns)] / largest)
  for (let u = 0; u < rows; u++) {
    for (let v = 0; v < columns; v++) {
      if (Math.abs(column[u] * row[v] - kernel[u * columns + v]) > 3e-7 * Math.abs(largest)) return null
    }
  }
  return { column, row }
}

/** @type {WeakMap<Plane, {key: string, padded: {plane: Plane, size: Pair}}>} Kept, since a drag changes other things. */
const lastPadded = new WeakMap()

/**
 * Return a plane with its padding laid out around it, the same as before if nothing has changed.
 * @param {Plane} plane - Its values never change.
 * @param {Pair} size
 * @param {[Pair, Pair]} amounts
 * @param {string} mode
 * @returns {{plane: Plane, size: Pair}}
 */
function keptPadded(plane, size, amounts, mode) {
  const key = `${size} ${amounts} ${mode}`
  const last = lastPadded.get(plane)
  if (last?.key === key) return last.padded
  const result = padded(plane, size, amounts, mode)
  lastPadded.set(plane, { key, padded: result })
  return result
}

/**
 * Return a plane with its padding laid out around it.
 * @param {Plane} plane
 * @param {Pair} size
 * @param {[Pair, Pair]} amounts
 * @param {string} mode
 * @returns {{plane: Plane, size: Pair}}
 */
function padded(plane, size, amounts, mode) {
  const [[top, bottom], [left, right]] = amounts
  if (!(top || bottom || left || right)) return { plane, size }
  const height = size[0] + top + bottom, width = size[1] + left + right
  const result = new Float32Array(height * width)
  const columns = Int32Array.from({ length: width }, (_, x) => paddedIndex(x - left, size[1], mode))
  for (let y = 0; y < height; y++) {
    const source = paddedIndex(y - top, size[0], mode)
    if (source < 0) continue
    const from = source * size[1], to = y * width
    result.set(plane.subarray(from, from + size[1]), to + left)
    for (let x = 0; x < left; x++) if (columns[x] >= 0) result[to + x] = plane[from + columns[x]]
    for (let x = left + size[1]; x < width; x++) if (columns[x] >= 0) result[to + x] = plane[from + columns[x]]
  }
  return { plane: result, size: [height, width] }
}

/**
 * Add up a few shifted copies of one row, each times its weight. Four at a time: loads and stores are what it costs.
 * @param {Float32Array} sum - The row of the result.
 * @param {Plane} plane
 * @param {number[]} starts - Index of each copy's first pixel.
 * @param {ArrayLike<number>} weights - One for each copy.
 * @param {number} step - From one pixel of a copy to the next.
 * @param {number} bias
 */
function addRows(sum, plane, starts, weights, step, bias) {
  const width = sum.length, count = starts.length
  sum.fill(bias)
  let k = 0
  for (; k + 3 < count; k += 4) {
    let p = starts[k], q = starts[k + 1], r = starts[k + 2], s = starts[k + 3]
    const a = weights[k], b = weights[k + 1], c = weights[k + 2], d = weights[k + 3]
    for (let x = 0; x < width; x++, p += step, q += step, r += step, s += step) {
      sum[x] += a * plane[p] + b * plane[q] + c * plane[r] + d * plane[s]
    }
  }
  let p = starts[k], q = starts[k + 1], r = starts[k + 2]
  const a = weights[k], b = weights[k + 1], c = weights[k + 2]
  if (count - k === 3) {
    for (let x = 0; x < width; x++, p += step, q += step, r += step) sum[x] += a * plane[p] + b * plane[q] + c * plane[r]
  } else if (count - k === 2) {
    for (let x = 0; x < width; x++, p += step, q += step) sum[x] += a * plane[p] + b * plane[q]
  } else if (count - k === 1) {
    for (let x = 0; x < width; x++, p += step) sum[x] += a * plane[p]
  }
}

const PART = 3e5 // products after which the steps of a convolution pause

/**
 * Convolve one plane that has its padding around it, a part at a time.
 * @param {Plane} plane
 * @param {number} columns - Its width.
 * @param {ArrayLike<number>} kernel - As applied.
 * @param {Pair} kernelSize
 * @param {Pair} stride
 * @param {Pair} dilation
 * @param {Pair} out - Size of the result.
 * @param {number} bias
 * @returns {Generator<void, Plane>}
 */
function* filtered(plane, columns, kernel, kernelSize, stride, dilation, out, bias) {
  const result = new Float32Array(out[0] * out[1])
  const offsets = [], weights = []
  for (let u = 0; u < kernelSize[0]; u++) {
    for (let v = 0; v < kernelSize[1]; v++) {
      const weight = kernel[u * kernelSize[1] + v]
      if (weight) {
        offsets.push(u * dilation[0] * columns + v * dilation[1])
        weights.push(weight)
      }
    }
  }
  const rows = Math.max(1, Math.floor(PART / (out[1] * (weights.length + 1))))
  for (let y = 0; y < out[0]; y++) {
    const begin = y * stride[0] * columns
    const starts = offsets.map((offset) => begin + offset)
    addRows(result.subarray(y * out[1], (y + 1) * out[1]), plane, starts, weights, stride[1], bias)
    if (y % rows === rows - 1) yield
  }
  return result
}

/**
 * Convolve each plane with one kernel, a part at a time.
 * @param {Plane[]} planes - Their values never change: what was padded once is kept.
 * @param {Pair} size
 * @param {ArrayLike<number>} weights - Row by row, before the flip.
 * @param {Pair} kernelSize
 * @param {Spec} spec
 * @param {number} [bias]
 * @returns {Generator<void, {planes: Plane[], size: Pair} | null>} Null if the kernel does not fit.
 */
export function* convolutionSteps(planes, size, weights, kernelSize, spec, bias = 0) {
  const out = outputSize(size, kernelSize, spec)
  if (!out) return null
  const kernel = appliedKernel(weights, spec)
  const amounts = paddingAmounts(size, kernelSize, spec)
  const factors = separated(kernel, kernelSize)
  const { stride, dilation } = spec
  const results = []
  for (const each of planes) {
    const { plane, size: [height, columns] } = keptPadded(each, size, amounts, spec.mode)
    yield
    if (!factors) {
      results.push(yield* filtered(plane, columns, kernel, kernelSize, stride, dilation, out, bias))
      continue
    }
    const across = yield* filtered(
      plane, columns, factors.row, [1, kernelSize[1]], [1, stride[1]], [1, dilation[1]], [height, out[1]], 0
    )
    results.push(yield* filtered(
      across, out[1], factors.column, [kernelSize[0], 1], [stride[0], 1], [dilation[0], 1], out, bias
    ))
  }
  return { planes: results, size: out }
}

/**
 * Run steps to their end.
 * @template Result
 * @param {Generator<void, Result>} steps
 * @returns {Result}
 */
export function finished(steps) {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return /** @type {Result} */ (value)
  }
}

/**
 * Convolve each plane with one kernel; the sums are those of `cnn_demo.convolution.convolve` but for rounding.
 * @param {Plane[]} planes
 * @param {Pair} size
 * @param {ArrayLike<number>} weights - Row by row, before the flip.
 * @param {Pair} kernelSize
 * @param {Spec} spec
 * @param {number} [bias]
 * @returns {{planes: Plane[], size: Pair} | null} Null if the kernel does not fit.
 */
export function convolve(planes, size, weights, kernelSize, spec, bias = 0) {
  return finished(convolutionSteps(planes, size, weights, kernelSize, spec, bias))
}

/** Activation functions of one value, by the names of `cnn_demo.convolution.ACTIVATIONS`. */
export const ACTIVATIONS = {
  none: (value) => value,
  abs: Math.abs,
  relu: (value) => Math.max(value, 0),
  sigmoid: (value) => 0.5 * (1 + Math.tanh(0.5 * value)),
  tanh: Math.tanh,
}

/**
 * Apply an activation function to each value, in place.
 * @param {Plane[]} planes
 * @param {string} name
 */
export function activate(planes, name) {
  if (name === "none") return
  const activation = ACTIVATIONS[name]
  for (const plane of planes) for (let i = 0; i < plane.length; i++) plane[i] = activation(plane[i])
}

/**
 * Return the k-th smallest value; reorders the values.
 * @param {Float32Array} values
 * @param {number} k
 * @returns {number}
 */
function kthSmallest(values, k) {
  let low = 0, high = values.length - 1
  while (low < high) {
    const pivot = values[(low + high) >> 1]
    let i = low, j = high
    while (i <= j) {
      while (values[i] < pivot) i++
      while (values[j] > pivot) j--
      if (i <= j) {
        const held = values[i]
        values[i++] = values[j]
        values[j--] = held
      }
    }
    if (k <= j) high = j
    else if (k >= i) low = i
    else break
  }
  return values[k]
}

const SAMPLED_SIDE = 400 // pixels a side that a percentile is taken of, as in `drawing/pictures.py`

/**
 * Return the distance of the pixels that a percentile is taken of.
 * @param {Pair} size
 * @returns {number}
 */
export function sampledStep(size) {
  return Math.max(1, Math.floor(Math.max(...size) / SAMPLED_SIDE))
}

/**
 * Return the magnitude from which the signed display has full colour: the 99th percentile, or the largest.
 * @param {Float32Array} magnitudes - Of the sampled pixels; they are reordered.
 * @param {number} largest - Magnitude of all pixels.
 * @returns {number}
 */
export function signedScale(magnitudes, largest) {
  const common = kthSmallest(magnitudes, Math.floor(0.99 * (magnitudes.length - 1)))
  return common > 0.05 * largest ? common : largest
}

/**
 * Return the mean of the channels.
 * @param {Plane[]} planes
 * @returns {Plane}
 */
export function channelMean(planes) {
  if (planes.length === 1) return planes[0]
  const [red, green, blue] = planes
  return red.map((value, i) => (value + green[i] + blue[i]) / 3)
}

/** Red is positive, blue negative, white zero: 255 colours (r, g, b), the one in the middle is white. */
export const RED_BLUE = (() => {
  const white = [247, 247, 247], red = [178, 24, 43], blue = [33, 102, 172]
  const table = new Uint8ClampedArray(255 * 3)
  for (let i = 0; i < 255; i++) {
    const from = i < 127 ? blue : white, to = i < 127 ? white : red, at = i < 127 ? i / 127 : (i - 127) / 127
    for (let c = 0; c < 3; c++) table[3 * i + c] = from[c] + (to[c] - from[c]) * at
  }
  return table
})()

/**
 * The range that a display shows: the values that are black and white, or the magnitude of full colour.
 * @typedef {{low: number, high: number, scale: number}} Range
 */

/**
 * Measure the range that a display needs.
 * @param {Plane[]} planes
 * @param {Pair} size
 * @param {string} display - A key of `DISPLAYS` in Python: "clip", "absolute", "stretch" or "signed".
 * @returns {Range}
 */
export function displayRange(planes, size, display) {
  if (display !== "signed" && display !== "stretch") return { low: 0, high: 1, scale: 1 }
  const measured = display === "signed" ? [channelMean(planes)] : planes
  let low = Infinity, high = -Infinity
  for (const plane of measured) {
    for (let i = 0; i < plane.length; i++) {
      if (plane[i] < low) low = plane[i]
      if (plane[i] > high) high = plane[i]
    }
  }
  if (display === "stretch") return { low, high, scale: 1 }
  const step = sampledStep(size), rows = Math.ceil(size[0] / step), columns = Math.ceil(size[1] / step)
  const magnitudes = new Float32Array(rows * columns)
  for (let y = 0, at = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) magnitudes[at++] = Math.abs(measured[0][y * step * size[1] + x * step])
  }
  return { low, high, scale: signedScale(magnitudes, Math.max(-low, high, 0)) }
}

/**
 * Convert values to a picture, as `display_values` in Python does.
 * @param {Plane[]} planes - One, or red, green and blue.
 * @param {string} display
 * @param {Range} range
 * @param {Uint8ClampedArray} picture - Receives red, green, blue and opacity of each pixel.
 */
export function writePicture(planes, display, range, picture) {
  const [red, green, blue] = planes.length === 1 ? [planes[0], planes[0], planes[0]] : planes
  const count = red.length
  if (display === "signed") {
    const scale = range.scale || 1
    for (let i = 0, to = 0; i < count; i++, to += 4) {
      const value = planes.length === 1 ? red[i] : (red[i] + green[i] + blue[i]) / 3
      const at = 3 * Math.min(Math.max(Math.round(value * 127 / scale) + 127, 0), 254)
      picture[to] = RED_BLUE[at]
      picture[to + 1] = RED_BLUE[at + 1]
      picture[to + 2] = RED_BLUE[at + 2]
      picture[to + 3] = 255
    }
    return
  }
  const flat = display === "stretch" && range.high <= range.low
  const low = display === "stretch" ? range.low : 0
  const factor = flat ? 0 : 255 / (display === "stretch" ? range.high - range.low : 1)
  const base = flat ? 127.5 : 0
  const sign = display === "absolute"
  for (let i = 0, to = 0; i < count; i++, to += 4) {
    picture[to] = base + factor * ((sign ? Math.abs(red[i]) : red[i]) - low)
    picture[to + 1] = base + factor * ((sign ? Math.abs(green[i]) : green[i]) - low)
    picture[to + 2] = base + factor * ((sign ? Math.abs(blue[i]) : blue[i]) - low)
    picture[to + 3] = 255
  }
}
