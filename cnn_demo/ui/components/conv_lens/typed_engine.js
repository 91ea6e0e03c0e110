// Convolution by loops over typed arrays, where there is no WebGL2 or the processor would draw it anyway.

import { activate, convolutionSteps, displayRange, finished, writePicture } from "../conv_math.js"

/**
 * The picture that is convolved.
 * @typedef {object} LensImage
 * @property {[number, number]} size
 * @property {Uint8ClampedArray} bytes - Red, green, blue and opacity of each pixel.
 * @property {() => Float32Array[]} colours - Three planes, 0 to 1.
 * @property {() => Float32Array[]} grey - One plane, the mean of the three.
 */

/**
 * One convolution.
 * @typedef {object} Job
 * @property {import("../conv_kernels.js").Kernel} kernel
 * @property {import("../conv_math.js").Spec} spec
 * @property {number} bias
 * @property {string} activation
 * @property {string} display
 * @property {boolean} grey
 */

/** @typedef {{size: [number, number], range: import("../conv_math.js").Range}} Drawn */

/**
 * What convolves a picture and draws the result into its canvas.
 * @typedef {object} Engine
 * @property {string} name
 * @property {HTMLCanvasElement} canvas
 * @property {boolean} lost
 * @property {(image: LensImage) => void} setImage
 * @property {(job: Job) => Drawn | null} render - Null if the kernel does not fit.
 * @property {(job: Job) => Generator<void, Drawn | null>} [steps] - The same, a few milliseconds at a time, for an
 *   engine that would otherwise hold the page up.
 * @property {() => void} finish
 * @property {() => void} release
 */

/**
 * Make a picture of bytes, whose planes are computed when they are first used.
 * @param {Uint8ClampedArray} bytes
 * @param {[number, number]} size
 * @returns {LensImage}
 */
export function lensImage(bytes, size) {
  /** @type {Float32Array[] | undefined} */
  let colours
  /** @type {Float32Array[] | undefined} */
  let grey
  const count = size[0] * size[1]
  const planes = () => {
    if (colours) return colours
    const made = [0, 1, 2].map(() => new Float32Array(count))
    const [red, green, blue] = made
    for (let i = 0, at = 0; i < count; i++, at += 4) {
      red[i] = bytes[at] / 255
      green[i] = bytes[at + 1] / 255
      blue[i] = bytes[at + 2] / 255
    }
    colours = made
    return made
  }
  const mean = () => {
    if (grey) return grey
    const plane = new Float32Array(count)
    for (let i = 0, at = 0; i < count; i++, at += 4) plane[i] = (bytes[at] + bytes[at + 1] + bytes[at + 2]) / 765
    grey = [plane]
    return grey
  }
  return { size, bytes, colours: planes, grey: mean }
}

/**
 * Set up the loops on a new canvas.
 * @returns {Engine}
 */
export function typedEngine() {
  const canvas = document.createElement("canvas")
  const context = canvas.getContext("2d", { alpha: false })
  /** @type {LensImage} */
  let image
  /** @type {ImageData | undefined} */
  let picture
  function* steps(/** @type {Job} */ job) {
    const planes = job.grey ? image.grey() : image.colours()
    yield
    const result = yield* convolutionSteps(planes, image.size, job.kernel.weights, job.kernel.size, job.spec, job.bias)
    if (!result) return null
    const [height, width] = result.size
    activate(result.planes, job.activation)
    yield
    const range = displayRange(result.planes, result.size, job.display)
    yield
    if (picture?.width !== width || picture.height !== height) picture = new ImageData(width, height)
    writePicture(result.planes, job.display, range, picture.data)
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
    context.putImageData(picture, 0, 0)
    return { size: result.size, range }
  }
  return {
    name: "arrays",
    canvas,
    lost: false,
    setImage: (next) => { image = next },
    render: (job) => finished(steps(job)),
    steps,
    finish: () => {},
    release: () => {},
  }
}
