// The canvas of the result: while a slider is dragged, as many pixels as the time allows; all of them once it rests.

import { paddingAmounts, separated } from "../conv_math.js"
import { webglEngine } from "./gl_engine.js"
import { typedEngine } from "./typed_engine.js"

const BUDGET = 25 // milliseconds of one picture while a slider is dragged
const OTHER = 8 // products that the rest of the work on a pixel takes as long as
const COARSEST = 5 // every fifth pixel along each axis: coarser pictures show too little
const REST = 300 // milliseconds without a change after which all pixels are computed
const SLICE = 5 // milliseconds of computing after which the page may do something else

/**
 * A result on the canvas.
 * @typedef {object} Drawing
 * @property {string} key - Of its settings.
 * @property {import("./typed_engine.js").LensImage} image
 * @property {[number, number]} out - Size of the whole result.
 * @property {number} every - 1 if all pixels are drawn, 2 if every second one along each axis is, and so on.
 * @property {import("../conv_math.js").Range} range
 */

/**
 * A result that is wanted.
 * @typedef {object} Wanted
 * @property {import("./typed_engine.js").LensImage} image
 * @property {import("./typed_engine.js").Job} job
 * @property {string} key - Of its settings.
 * @property {[number, number]} out - Its size.
 * @property {boolean} hurried - Whether it is wanted at once: a slider is dragged, or the camera runs.
 * @property {number} scale - Pixels of the screen for a pixel of the result.
 */

export class Drawer {
  /**
   * @param {HTMLElement} host - Receives the canvas.
   * @param {() => void} redraw - Called when the canvas was lost, and when all pixels of it are there.
   */
  constructor(host, redraw) {
    this.host = host
    this.redraw = redraw
    this.pace = 2e5 // products a millisecond, corrected by each picture
    /** @type {Drawing | null} */
    this.drawn = null
    // `cnnDemoLensEngine` names an engine, for tests and measurements: "webgl" or "arrays".
    const wanted = /** @type {any} */ (globalThis).cnnDemoLensEngine
    this.use((wanted !== "arrays" && webglEngine(wanted === "webgl")) || typedEngine())
  }

  /** @param {import("./typed_engine.js").Engine} engine */
  use(engine) {
    this.engine?.canvas.remove()
    this.engine = engine
    this.image = this.drawn = null
    const { canvas } = engine
    canvas.hidden = true
    canvas.setAttribute("aria-hidden", "true")
    canvas.dataset.engine = engine.name
    canvas.addEventListener("webglcontextlost", () => {
      if (this.engine !== engine || this.ended) return
      this.use(typedEngine())
      this.redraw()
    })
    this.host.append(canvas)
  }

  /**
   * Draw a result: at once what can be drawn fast, the rest of the pixels when nothing has changed for a moment.
   * @param {Wanted} wanted
   */
  draw(wanted) {
    const { image, job, key, out, hurried } = wanted
    const same = this.drawn?.key === key && this.drawn.image === image
    if (same && this.drawn.every === 1) return this.postpone(null)
    if (!this.engine.steps) this.compute(wanted, 1)
    else if (hurried) {
      let every = Math.max(1, Math.floor(1 / wanted.scale))
      while (every < COARSEST && workOf(job, out, every) > this.pace * BUDGET) every++
      if (same && every >= this.drawn.every) return
      const milliseconds = this.compute(wanted, every)
      if (milliseconds > 2) this.pace = 0.7 * this.pace + 0.3 * workOf(job, out, every) / milliseconds
      if (every === 1) return this.postpone(null)
    }
    this.postpone(this.engine.steps ? wanted : null)
  }

  /**
   * Compute a result and draw it.
   * @param {Wanted} wanted
   * @param {number} every
   * @returns {number} How many milliseconds it took.
   */
  compute({ image, job, key, out }, every) {
    this.take(image)
    const begun = performance.now()
    const spec = { ...job.spec, stride: /** @type {[number, number]} */ (job.spec.stride.map((each) => each * every)) }
    // "Same" padding depends on the stride: the coarse picture keeps the padding of the whole one.
    if (every > 1) spec.padding = paddingAmounts(image.size, job.kernel.size, job.spec)
    const drawn = this.engine.render({ ...job, spec })
    if (drawn) this.drawn = { key, image, out, every, range: drawn.range }
    return performance.now() - begun
  }

  /** @param {import("./typed_engine.js").LensImage} image */
  take(image) {
    if (this.image !== image) this.engine.setImage(image)
    this.image = image
  }

  /**
   * Wait with the rest of the pixels until nothing has happened for a moment.
   * @param {Wanted | null} [wanted] - The result; null if none is wanted, left out if it is the same as before.
   * @param {number} [rest] - How many milliseconds that is.
   */
  postpone(wanted = this.wanted, rest = REST) {
    clearTimeout(this.rest)
    this.wanted = wanted
    if (wanted && !this.ended) this.rest = setTimeout(() => this.complete(wanted), rest)
  }

  /**
   * Compute all pixels, between other work of the page.
   * @param {Wanted} wanted
   */
  async complete(wanted) {
    const { image, job, key, out } = wanted, { rest, engine } = this
    this.take(image)
    const steps = engine.steps(job)
    for (;;) {
      const begun = performance.now()
      let step
      do step = steps.next()
      while (!step.done && performance.now() - begun < SLICE)
      if (step.done) {
        this.wanted = null
        if (step.value) this.drawn = { key, image, out, every: 1, range: step.value.range }
        return this.redraw()
      }
      await leisure()
      if (this.ended || this.wanted !== wanted || this.rest !== rest || this.engine !== engine) return
    }
  }

  release() {
    this.ended = true
    clearTimeout(this.rest)
    this.engine.canvas.remove()
    this.engine.release()
  }
}

/** Wait until the page has nothing more urgent to do. */
function leisure() {
  const { scheduler } = /** @type {any} */ (globalThis)
  if (scheduler?.postTask) return scheduler.postTask(() => {}, { priority: "background" })
  return new Promise((resolve) => { setTimeout(resolve, 0) })
}

/**
 * Return about how many products a picture takes.
 * @param {import("./typed_engine.js").Job} job
 * @param {[number, number]} out - Size of the whole result.
 * @param {number} every - 1 for all pixels, 2 for every second one along each axis, and so on.
 * @returns {number}
 */
function workOf({ kernel, grey }, out, every) {
  const factors = separated(kernel.weights, kernel.size)
  // Of a kernel that is a column times a row, the row is applied to all rows of the photo.
  const taps = factors ? kernel.size[1] * every + kernel.size[0] : kernel.weights.reduce((count, weight) => count + (weight ? 1 : 0), 0)
  return out[0] * out[1] * (grey ? 1 : 3) * (taps + OTHER) / (every * every)
}
