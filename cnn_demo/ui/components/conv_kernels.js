// The kernels that a visitor can choose, as `cnn_demo.convolution.kernels` has them: each a function of its parameters.
// Angles are in degrees, 0° points right and they turn counter-clockwise; rows count downwards.

/**
 * A kernel: its weights row by row, and its size.
 * @typedef {{weights: Float32Array, size: [number, number]}} Kernel
 */

/**
 * Parameters of a family by name, such as size, sigma and angle; `draws` are the random numbers of the family "random".
 * @typedef {Record<string, any>} Parameters
 */

/**
 * Return f(x, y) at each weight of a square kernel; x to the right and y upwards from the middle.
 * @param {number} size
 * @param {(x: number, y: number) => number} f
 * @returns {number[]}
 */
function sampled(size, f) {
  const middle = (size - 1) / 2
  return Array.from({ length: size * size }, (_, i) => f((i % size) - middle, middle - Math.floor(i / size)))
}

/**
 * Add up values.
 * @param {number[]} values
 * @returns {number}
 */
function total(values) {
  return values.reduce((sum, value) => sum + value, 0)
}

/**
 * Scale values to a sum of one.
 * @param {number[]} values
 * @returns {number[]}
 */
function unitSum(values) {
  const sum = total(values)
  return values.map((value) => value / sum)
}

/**
 * Shift values to a sum of zero.
 * @param {number[]} values
 * @returns {number[]}
 */
function zeroSum(values) {
  const mean = total(values) / values.length
  return values.map((value) => value - mean)
}

/**
 * @param {number} size
 * @returns {number[]} A one at the weight that padding "same" puts on the pixel itself.
 */
function identity(size) {
  const middle = (size - 1) >> 1
  return Array.from({ length: size * size }, (_, i) => (i === middle * size + middle ? 1 : 0))
}

/**
 * @param {number} size
 * @param {number} sigma
 * @returns {number[]} A Gaussian that sums to one.
 */
function gaussian(size, sigma) {
  return unitSum(sampled(size, (x, y) => Math.exp(-(x * x + y * y) / (2 * sigma * sigma))))
}

/**
 * @param {number} neighbours - 4 or 8.
 * @returns {number[]} A Laplacian, 3 × 3.
 */
function laplacian(neighbours) {
  const corner = neighbours === 4 ? 0 : 1
  return [corner, 1, corner, 1, -neighbours, 1, corner, 1, corner]
}

/**
 * @param {number} size
 * @returns {number[]} The binomial coefficients of one row of Pascal's triangle.
 */
function binomial(size) {
  const row = [1]
  for (let i = 1; i < size; i++) row.push(row[i - 1] * (size - i) / i)
  return row
}

/**
 * Return the derivative towards an angle: cos·Gx + sin·Gy.
 * @param {number[]} smoothing - Weights across.
 * @param {number[]} derivative - Weights along, to the right.
 * @param {number} angle
 * @returns {number[]}
 */
function directional(smoothing, derivative, angle) {
  const radians = angle * Math.PI / 180
  const [cosine, sine] = [Math.cos(radians), Math.sin(radians)].map((value) => Math.round(value * 1e12) / 1e12)
  const size = smoothing.length
  return Array.from({ length: size * size }, (_, i) => {
    const u = Math.floor(i / size), v = i % size
    return cosine * smoothing[u] * derivative[v] - sine * derivative[u] * smoothing[v] + 0
  })
}

/**
 * @param {number} size - Odd, at least 3.
 * @param {number} angle
 * @returns {number[]} Sobel's derivative.
 */
function sobel(size, angle) {
  const inner = binomial(size - 2)
  const derivative = Array.from({ length: size }, (_, i) => (inner[i - 2] ?? 0) - (inner[i] ?? 0))
  return directional(binomial(size), derivative, angle)
}

/**
 * @param {number} angle
 * @returns {number[]} Prewitt's derivative, 3 × 3.
 */
function prewitt(angle) {
  return directional([1, 1, 1], [-1, 0, 1], angle)
}

/**
 * @param {number} size
 * @param {number} sigma
 * @returns {number[]} The Laplacian of a Gaussian.
 */
function laplacianOfGaussian(size, sigma) {
  return zeroSum(sampled(size, (x, y) => {
    const r2 = (x * x + y * y) / (2 * sigma * sigma)
    return -(1 - r2) * Math.exp(-r2) / (Math.PI * sigma ** 4)
  }))
}

/**
 * @param {number} size
 * @param {number} sigma
 * @param {number} amount
 * @returns {number[]} The pixel plus its difference from a blur.
 */
function unsharp(size, sigma, amount) {
  const centre = unitSum(sampled(size, (x, y) => (Math.hypot(x, y) < 1 ? 1 : 0)))
  const blur = gaussian(size, sigma)
  return centre.map((value, i) => (1 + amount) * value - amount * blur[i])
}

/**
 * @param {number} length
 * @param {number} angle
 * @returns {number[]} The mean along a line.
 */
function motionBlur(length, angle) {
  const cosine = Math.cos(angle * Math.PI / 180), sine = Math.sin(angle * Math.PI / 180)
  return unitSum(sampled(length, (x, y) => {
    const inside = Math.min(Math.max(length / 2 + 0.5 - Math.abs(x * cosine + y * sine), 0), 1)
    return Math.max(1 - Math.abs(-x * sine + y * cosine), 0) * inside
  }))
}

/**
 * @param {Parameters} parameters
 * @returns {number[]} A wave under a Gaussian; sums to zero, the magnitudes to two.
 */
function gabor({ size, sigma, wavelength, angle, phase, aspect }) {
  const cosine = Math.cos(angle * Math.PI / 180), sine = Math.sin(angle * Math.PI / 180)
  const along = (x, y) => x * cosine + y * sine
  const envelope = sampled(size, (x, y) => {
    return Math.exp(-(along(x, y) ** 2 + (aspect * (-x * sine + y * cosine)) ** 2) / (2 * sigma * sigma))
  })
  const wave = sampled(size, (x, y) => Math.cos(2 * Math.PI * along(x, y) / wavelength - phase * Math.PI / 180))
  const weights = envelope.map((value, i) => value * wave[i])
  const excess = total(weights) / total(envelope)
  const centred = weights.map((value, i) => value - envelope[i] * excess)
  const magnitude = total(centred.map(Math.abs))
  return centred.map((value) => (magnitude > 1e-9 ? 2 * value / magnitude : 0))
}

/**
 * The families by their names in `cnn_demo.convolution.KERNELS`.
 * @type {Record<string, (parameters: Parameters) => number[]>}
 */
const FAMILIES = {
  identity: ({ size }) => identity(size),
  box: ({ size }) => Array(size * size).fill(1 / size ** 2),
  gaussian: ({ size, sigma }) => gaussian(size, sigma),
  motion_blur: ({ length, angle }) => motionBlur(length, angle),
  sharpen: ({ amount }) => laplacian(4).map((value, i) => (i === 4 ? 1 : 0) - amount * value),
  unsharp: ({ size, sigma, amount }) => unsharp(size, sigma, amount),
  emboss: ({ angle, strength }) => prewitt(angle + 180).map((value, i) => (i === 4 ? 1 : 0) + strength / 2 * value),
  sobel: ({ size, angle }) => sobel(size, angle),
  prewitt: ({ angle }) => prewitt(angle),
  scharr: ({ angle }) => directional([3, 10, 3], [-1, 0, 1], angle),
  laplacian: ({ neighbours }) => laplacian(neighbours),
  laplacian_of_gaussian: ({ size, sigma }) => laplacianOfGaussian(size, sigma),
  difference_of_gaussians: ({ size, sigma, ratio }) => {
    const wide = gaussian(size, sigma * ratio)
    return zeroSum(gaussian(size, sigma).map((value, i) => value - wide[i]))
  },
  gabor,
  random: ({ size, draws }) => Array.from({ length: size * size }, (_, i) => draws[i] / size),
}

/**
 * Return a kernel of a family, as `cnn_demo.convolution.kernel` does.
 * @param {string} family - Its name in `KERNELS`.
 * @param {Parameters} parameters - All of the family; "random" needs `draws`, at least as many as it has weights.
 * @returns {Kernel}
 */
export function familyKernel(family, parameters) {
  const weights = Float32Array.from(FAMILIES[family](parameters))
  const side = Math.round(Math.sqrt(weights.length))
  return { weights, size: [side, side] }
}
