// One operation on a small crop, cell by cell: played, stepped and scrubbed, with cells and weights that can be edited.
// All of it is computed here; Python hears of a moved crop, and of a kernel that is to be kept.

import { arrowStep, clamp, cleanUpOfCall, heightInWindow, keepTouch, markChosen, onNewWidth, pickByArrow, radioButton, svgElement } from "../shared.js"
import { element, numbers, symbols, written } from "./player_formula.js"
import { Grid, valueAt } from "./player_grid.js"
import { KernelGrid, editable, noNumber, readNumber } from "./player_kernel.js"
import { madeBy, planOf, prepared, resultOf, stampCounts, stepAt, tapsOf, windowOf } from "./player_math.js"
import { FramePicker } from "./player_photo.js"

const ICONS = {
  play: "M6 3v18l15-9z", pause: "M5 3h5v18H5zM14 3h5v18h-5z", back: "M5 4h3v16H5zM20 4v16L9 12z", forward: "M4 4v16l11-8zM16 4h3v16h-3z",
  "0,-1": "M15 4v16L5 12z", "0,1": "M9 4v16l10-8z", "-1,0": "M4 15h16L12 5z", "1,0": "M4 9h16l-8 10z",
}
const SPEEDS = [1, 2, 4, 8, 16, 32, 64] // cells per second
const FILM_SECONDS = 20 // at most, at the speed that a visitor finds
const STEP_MS = 160 // of the window's way to the next cell, at most
const FORMULA_MS = 90 // between two formulas while it plays
const LARGEST_CELL = 46 // CSS pixels, as are the next ones
const NARROW = 560
const CAPTION_WIDTH = 112
const DIRECTIONS = { "0,-1": "left", "0,1": "right", "-1,0": "up", "1,0": "down" }
const MOVED = "#ff8c1a" // dots on cells that a moved pattern has changed
let hasPlayed = false // it begins by itself only once

/**
 * @typedef {object} Data
 * @property {import("./player_math.js").Operation} operation
 * @property {string} display - How the result of a convolution is shown.
 * @property {number} white - Value of white in the crop.
 * @property {string} values - Base64 of the crop's cells, float32, channels last.
 * @property {number} channels - 1 or 3.
 * @property {import("./player_photo.js").Place} crop
 * @property {number} fewest
 * @property {number} most
 * @property {{src: string, name: string, alt: string, height: number, width: number}} photo
 * @property {string} selected - Crop around the pixel that is selected on the page; may be empty.
 * @property {boolean} editable - Whether there is a kernel that can be edited.
 * @property {boolean} keeps - Whether Python takes an edited kernel.
 *
 * @typedef {{row: number, column: number, height: number, width: number}} Part
 */

/**
 * Read numbers from base64.
 * @param {string} text
 * @returns {Float32Array}
 */
function decoded(text) {
  return new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer)
}

/** The player. */
class Player {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root
    this.find = (selector) => root.querySelector(selector)
    this.before = new Grid(this.find(".before canvas"))
    this.after = new Grid(this.find(".after canvas"))
    this.middle = new KernelGrid(this.find(".middle"), (at, value) => this.editWeight(at, value), (text) => this.say(text, true))
    this.picker = new FramePicker(this.find(".source"), () => this.previewCrop(), (place) => this.sendCrop(place))
    this.at = this.filled = 0
    this.channel = this.cursor = this.moved = null
    this.tool = "point"
    for (const [name, icon] of [[".back", "back"], [".forward", "forward"], [".play", "play"]]) this.icon(this.find(name), icon)
    for (const button of root.querySelectorAll(".move button")) {
      this.icon(button, button.dataset.step)
      button.onclick = () => this.movePattern(button.dataset.step)
    }
    this.find(".play").onclick = () => (this.playing ? this.pause() : this.play())
    this.find(".back").onclick = () => this.step(-1)
    this.find(".forward").onclick = () => this.step(1)
    this.find(".scrub").oninput = (event) => this.scrub(Number(event.target.value))
    this.find(".speed input").oninput = (event) => this.setSpeed(Number(event.target.value))
    this.find(".brush").oninput = (event) => { this.brush = Number(event.target.value); this.setTool("paint"); this.showBrush() }
    this.find(".fill").onclick = () => this.fillCrop()
    this.find(".reset").onclick = () => this.resetCrop()
    this.find(".reset-kernel").onclick = () => this.resetKernel()
    this.find(".keep").onclick = () => this.keepKernel()
    this.find(".selected").onclick = () => this.goToSelected()
    this.find(".stamps input").onchange = () => this.draw()
    this.number = this.find(".number")
    this.number.oninput = () => this.typeValue()
    this.number.onblur = () => { this.number.removeAttribute("aria-invalid"); this.showCursor() }
    this.makeRadios()
    this.listen()
    root.onkeydown = (event) => this.key(event)
    this.observer = onNewWidth(root, () => this.fit())
    this.sight = new IntersectionObserver(([entry]) => this.seen(entry.isIntersecting), { threshold: 0.6 })
    this.sight.observe(this.find(".scene"))
  }

  /**
   * Put an icon on a button.
   * @param {HTMLElement} button
   * @param {string} name
   */
  icon(button, name) {
    const svg = svgElement("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" })
    svg.append(svgElement("path", { d: ICONS[name] }))
    button.replaceChildren(svg)
  }

  /** Create the choices of channel and tool. */
  makeRadios() {
    const group = (selector, names, choose) => {
      const parent = this.find(selector)
      const buttons = names.map((name, at) => {
        const button = radioButton(document.createTextNode(name))
        button.onclick = () => choose(at)
        button.onkeydown = (event) => pickByArrow(event, buttons)
        return button
      })
      parent.replaceChildren(...buttons)
      return buttons
    }
    this.channelButtons = group(".channels", ["Brightness", "Red", "Green", "Blue"], (at) => {
      this.channel = at || null
      markChosen(this.channelButtons, at)
      this.recompute()
    })
    markChosen(this.channelButtons, 0)
    this.toolButtons = group(".modes", ["Point", "Paint"], (at) => this.setTool(at ? "paint" : "point"))
    this.setTool("point")
  }

  /** Listen to the pointer on the two grids. */
  listen() {
    const crop = this.before.canvas, result = this.after.canvas
    crop.addEventListener("touchstart", (event) => { if (this.tool === "paint") event.preventDefault() }, { passive: false })
    crop.onpointerdown = (event) => {
      crop.setPointerCapture(event.pointerId)
      if (this.tool === "paint") this.paintAt(this.before.cellAt(event))
      else this.pointAt(event, this.before)
    }
    crop.onpointermove = (event) => {
      if (this.tool === "paint") { if (event.buttons) this.paintAt(this.before.cellAt(event)) }
      else if (event.buttons || (event.pointerType === "mouse" && !this.playing)) this.pointAt(event, this.before)
    }
    result.onpointerdown = (event) => this.pointAt(event, this.after)
    result.onpointermove = (event) => {
      if (event.buttons || (event.pointerType === "mouse" && !this.playing)) this.pointAt(event, this.after)
    }
    crop.onfocus = () => { this.cursor ??= this.cellOfStep(); this.showCursor(); this.draw() }
    keepTouch(this.find(".photo"))
  }

  /**
   * Take over new data.
   * @param {Data} data
   */
  update(data, setTriggerValue) {
    this.send = setTriggerValue
    const first = !this.data
    const source = JSON.stringify([data.values, data.photo.name, data.crop])
    const whole = first || this.filled >= this.count
    this.data = data
    this.find(".channels").hidden = data.channels === 1
    this.picker.update(data.photo, data.crop, data.fewest, data.most)
    if (this.source !== source && !this.picker.dragged) {
      this.source = source
      this.original = decoded(data.values)
      this.size = [data.crop.height, data.crop.width]
      this.restoreCells()
      this.cursor = null
    }
    const weights = JSON.stringify([data.operation.weights, data.operation.size, data.operation.kind])
    if (this.kernel !== weights) {
      this.kernel = weights
      this.weights = [...data.operation.weights]
      this.edited = false
    }
    if (first) {
      this.brush = data.white
      Object.assign(this.find(".brush"), { max: data.white, step: data.white / 20, value: this.brush })
    }
    this.showBrush()
    this.find(".selected").hidden = !data.selected
    this.find(".stamps").hidden = data.operation.kind !== "transposed"
    this.recompute()
    if (this.plan && (first || whole)) this.filled = this.count
    if (this.plan && first) {
      this.at = stepAt(this.plan, this.size[0] >> 1, this.size[1] >> 1)
      this.setSpeed(SPEEDS.findIndex((speed) => this.count / speed <= FILM_SECONDS))
    }
    this.fit()
  }

  /** Number of steps. */
  get count() {
    return this.plan ? this.plan.walk[0] * this.plan.walk[1] : 0
  }

  /** Take the crop's own cells. */
  restoreCells() {
    this.cells = Float32Array.from(this.original)
    this.painted = new Uint8Array(this.size[0] * this.size[1])
    this.touched = false
    this.moved = null
  }

  /** Compute all of it again: after an edit, or with new settings. */
  recompute() {
    const { channels, operation } = this.data
    const length = this.size[0] * this.size[1]
    const mean = this.channel === null
    this.plane = channels === 1 ? this.cells : Float64Array.from({ length }, (_, at) => {
      const [red, green, blue] = this.cells.subarray(3 * at, 3 * at + 3)
      return mean ? (red + green + blue) / 3 : [red, green, blue][this.channel - 1]
    })
    const plan = planOf({ ...operation, weights: this.weights }, this.size)
    const problem = "problem" in plan ? plan.problem : ""
    this.find(".problem").textContent = problem
    for (const [selector, hidden] of [[".problem", !problem], [".scene", problem], [".bar", problem], [".formula", problem]]) {
      this.find(selector).hidden = Boolean(hidden)
    }
    if ("problem" in plan) {
      this.pause()
      this.plan = null
      return
    }
    const sizes = JSON.stringify([plan.size, plan.out, plan.amounts, plan.operation.kind, plan.operation.size, plan.operation.stride])
    const resized = this.sizes !== sizes
    if (resized) this.moved = null
    this.sizes = sizes
    this.plan = plan
    this.prepared = prepared(plan, this.plane)
    this.full = resultOf(plan, this.prepared)
    this.at = clamp(this.at, 0, this.count - 1)
    this.filled = clamp(this.filled, 0, this.count)
    this.find(".reset").disabled = !this.touched
    this.find(".reset-kernel").hidden = !this.edited
    this.find(".keep").hidden = !this.edited || !this.data.keeps
    if (resized) this.fit()
    else this.show()
  }

  /** Give the grids the size that the page has room for. */
  fit() {
    if (!this.plan) return
    this.picker.fit()
    const { plan } = this
    const room = this.root.clientWidth
    if (!room) return
    const narrow = room <= NARROW
    const middle = this.middle.layOut(plan.operation, this.data.editable, narrow ? Math.min(room * 0.5, 46 * Math.max(...plan.operation.size), 190) : Math.min(190, room * 0.2))
    const [[top, bottom], [left, right]] = plan.amounts
    this.rows = [plan.size[0] + top + bottom, plan.out[0]]
    this.columns = [plan.size[1] + left + right, plan.out[1]]
    const wide = room - (narrow ? 26 : Math.max(middle, 110) + 76)
    let cell = (wide - 8) / (this.columns[0] + this.columns[1])
    if (this.columns[1] * cell < CAPTION_WIDTH) cell = (wide - 4 - CAPTION_WIDTH) / this.columns[0]
    else if (this.columns[0] * cell < CAPTION_WIDTH) cell = (wide - 4 - CAPTION_WIDTH) / this.columns[1]
    cell = Math.min(cell, LARGEST_CELL, heightInWindow(narrow ? 300 : 430) / Math.max(...this.rows))
    this.cell = cell >= 5 ? Math.floor(cell) : Math.max(1, Math.floor(cell * 10) / 10)
    this.from = this.to = null
    this.show()
  }

  /** Show the present step everywhere. */
  show() {
    if (!this.plan) return
    const { plan, at } = this
    this.aim()
    this.draw()
    const scrub = this.find(".scrub")
    scrub.max = this.count
    scrub.value = this.playing || this.filled < this.count ? this.filled : at + 1
    const row = Math.floor(at / plan.walk[1]), column = at % plan.walk[1]
    scrub.setAttribute("aria-valuetext", `Step ${this.filled ? at + 1 : 0} of ${this.count}`)
    this.find(".count").textContent = `${this.filled ? at + 1 : 0} / ${this.count}`
    this.writeFormula(row, column)
    this.writeCaptions()
  }

  /**
   * Write the formula, unless it has just been written while the film runs fast.
   * @param {number} row
   * @param {number} column
   */
  writeFormula(row, column) {
    const now = performance.now()
    if (this.playing && now - (this.wroteAt ?? 0) < FORMULA_MS) return
    this.wroteAt = now
    const { plan } = this
    const taps = tapsOf(plan, this.prepared, this.at)
    this.taps = taps
    const { kind, stride } = plan.operation
    if (kind === "blur") this.middle.showBlur(stride)
    else if (kind === "convolution" || kind === "transposed") this.middle.showWeights(this.weights)
    else this.middle.showWindow(taps, windowOf(plan, this.at), kind, this.inputShading())
    const text = symbols(plan)
    if (this.find(".symbols").textContent !== text) this.find(".symbols").textContent = text
    this.find(".numbers").replaceChildren(...(this.filled
      ? numbers(plan, taps, this.at, this.full[this.at])
      : [document.createTextNode("Press play, or step forward.")]))
    this.after.canvas.setAttribute("aria-label", `Result, ${plan.out[0]} × ${plan.out[1]}; row ${row}, column ${column}. ` +
      "Left and right step, the space bar plays.")
  }

  /** Write the captions under the grids. */
  writeCaptions() {
    const { cell, height, width } = this.data.crop
    const { plan } = this
    const padded = plan.amounts.flat().some(Boolean)
    const each = cell === 1 ? "one pixel each" : `each the mean of ${cell} × ${cell} pixels`
    const { mode, kind } = plan.operation
    const ignored = { max: "ignored", min: "ignored", average: "ignored", l2: "zeros" }[kind] ?? mode
    const counts = this.countsStamps()
    const texts = [
      `${height} × ${width} cells, ${each}${padded ? `. Hatched: padding (${ignored})` : ""}`,
      counts ? "Stamps on each cell" : `Result, ${plan.out[0]} × ${plan.out[1]}${this.moved ? ". Dots: changed" : ""}`,
    ]
    for (const [at, selector] of [".before", ".after"].entries()) {
      const caption = this.find(`${selector} figcaption`)
      if (caption.textContent !== texts[at]) caption.textContent = texts[at]
      this.find(selector).style.width = `${Math.max(CAPTION_WIDTH, this.columns[at] * this.cell + 4)}px`
    }
    this.before.canvas.setAttribute("aria-label", `Crop, ${height} × ${width} cells. Arrow keys select a cell, Enter paints it.`)
  }

  /** Whether the result shows stamps instead of values. */
  countsStamps() {
    return this.plan.operation.kind === "transposed" && this.find(".stamps input").checked
  }

  /** How cells of the crop are coloured. */
  inputShading() {
    return { display: "clip", low: 0, high: this.data.white }
  }

  /**
   * How cells of the result are coloured: as on the page for a convolution, else black at zero.
   * @param {Float64Array} values
   */
  outputShading(values) {
    const low = values.reduce((least, value) => Math.min(least, value), Infinity)
    const high = values.reduce((most, value) => Math.max(most, value), -Infinity)
    const { kind } = this.plan.operation
    const signed = { display: "signed", low: 0, high: Math.max(-low, high) || 1 }
    if (kind !== "convolution") return low < 0 ? signed : { display: "clip", low: 0, high: Math.max(this.data.white, high) }
    if (this.data.display === "signed") return signed
    if (this.data.display === "stretch") return { display: "clip", low, high: high > low ? high : low + 1 }
    return { display: this.data.display, low: 0, high: 1 }
  }

  /** Let the frames move towards the present step. */
  aim() {
    const goal = { input: windowOf(this.plan, this.at), output: madeBy(this.plan, this.at) }
    const smooth = this.to && !this.reducedMotion() && this.cell >= 5 && (!this.playing || SPEEDS[this.speed] <= 16)
    this.from = smooth ? this.shown : goal
    this.to = goal
    this.shown ??= goal
    this.begun = performance.now()
    this.lasts = smooth ? Math.min(STEP_MS, this.playing ? 700 / SPEEDS[this.speed] : STEP_MS) : 0
    if (!smooth) this.shown = goal
    else this.animate()
  }

  /** Draw until the frames have arrived. */
  animate() {
    if (this.moving) return
    this.moving = requestAnimationFrame(() => {
      this.moving = 0
      if (!this.plan || !this.to) return
      this.draw()
      if (performance.now() - this.begun < this.lasts) this.animate()
    })
  }

  /** Draw both grids. */
  draw() {
    if (!this.plan || !this.cell || !this.to) return
    const done = this.lasts ? clamp((performance.now() - this.begun) / this.lasts, 0, 1) : 1
    const eased = 1 - (1 - done) ** 3
    const between = (from, to) => Object.fromEntries(Object.keys(to).map((name) => [name, from[name] + (to[name] - from[name]) * eased]))
    this.shown = { input: between(this.from.input, this.to.input), output: between(this.from.output, this.to.output) }
    const style = getComputedStyle(this.root)
    const colour = (name) => style.getPropertyValue(`--st-${name}`).trim()
    this.theme = { text: colour("text-color"), background: colour("background-color"), border: colour("border-color"),
      primary: colour("primary-color"), font: style.fontFamily }
    this.drawBefore()
    this.drawAfter(eased)
    this.drawRays()
  }

  /** Draw the crop, its padding, and the window. */
  drawBefore() {
    const { plan, before, size } = this
    const { kind, mode } = plan.operation
    const [[top, bottom], [left, right]] = plan.amounts
    before.begin(this.rows[0], this.columns[0], this.cell, [-top, -left], this.theme)
    const shading = this.inputShading()
    const taps = this.filled ? tapsOf(plan, this.prepared, this.at) : []
    const weighed = kind === "convolution" && Math.max(...plan.operation.size) <= 5 ? taps : []
    const raised = new Set(weighed.map((tap) => tap.row * 1000 + tap.column))
    const ignored = kind === "max" || kind === "min" || kind === "average"
    for (let row = -top; row < size[0] + bottom; row++) {
      for (let column = -left; column < size[1] + right; column++) {
        const padding = row < 0 || column < 0 || row >= size[0] || column >= size[1]
        if (padding && ignored) { before.hatch(row, column); continue }
        const value = valueAt(this.plane, size, row, column, mode)
        before.drawCell(row, column, value, shading, { padding, raised: raised.has(row * 1000 + column) })
        if (!padding && this.painted[row * size[1] + column]) before.dot(row, column, this.theme.primary)
      }
    }
    for (const tap of weighed) {
      if (tap.inside) before.drawWeight(tap.row, tap.column, `× ${written(tap.weight, 2).replace(/\.?0+$/, "")}`, tap.value, shading)
    }
    if (plan.operation.dilation[0] > 1 || plan.operation.dilation[1] > 1) {
      if (kind === "convolution") for (const tap of taps) before.frame({ row: tap.row, column: tap.column, height: 1, width: 1 }, "#ffd21f", 1.5)
    }
    if (this.filled) before.frame(this.shown.input)
    if (kind === "max" || kind === "min") {
      for (const tap of taps) if (tap.weight) before.frame({ row: tap.row, column: tap.column, height: 1, width: 1 }, this.theme.primary, 3)
    }
    if (this.cursor && (this.tool === "paint" || before.canvas.matches(":focus"))) {
      before.frame({ ...this.cursor, height: 1, width: 1 }, "#fff", 1.5)
    }
  }

  /**
   * Draw the result as far as it is filled.
   * @param {number} eased - How far the newest cell has grown, from 0 to 1.
   */
  drawAfter(eased) {
    const { plan, after, filled } = this
    const [rows, columns] = plan.out
    after.begin(rows, columns, this.cell, [0, 0], this.theme)
    const stamps = plan.operation.kind === "transposed"
    const counts = this.countsStamps()
    const values = counts ? stampCounts(plan) : stamps && filled < this.count ? resultOf(plan, this.prepared, filled) : this.full
    const shading = counts ? { display: "clip", low: 0, high: Math.max(...values) } : this.outputShading(this.full)
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const index = row * columns + column
        if (!stamps && index >= filled) { after.drawEmpty(row, column); continue }
        const newest = !stamps && this.playing && index === this.at
        after.drawCell(row, column, values[index], shading, { size: newest ? 0.4 + 0.6 * eased : 1 })
        if (this.moved?.changed[index]) after.dot(row, column, MOVED)
      }
    }
    if (filled) after.frame(this.shown.output)
  }

  /** Draw the light between the window and the cell of the result. */
  drawRays() {
    const polygon = this.find(".rays polygon")
    polygon.style.display = this.filled ? "" : "none"
    if (!this.filled) return
    const scene = this.find(".scene").getBoundingClientRect()
    const ends = [[this.before, this.shown.input], [this.after, this.shown.output]].map(([grid, part]) => {
      const box = grid.canvas.getBoundingClientRect()
      const [x, y] = grid.corner(part.row, part.column)
      const left = box.left - scene.left + 2 + x, top = box.top - scene.top + 2 + y
      return { left, top, right: left + part.width * this.cell, bottom: top + part.height * this.cell }
    })
    const [from, to] = ends
    polygon.setAttribute("points", `${from.right},${from.top} ${to.left},${to.top} ${to.left},${to.bottom} ${from.right},${from.bottom}`)
  }

  // Time ------------------------------------------------------------------------------------------------------------

  /** Whether the visitor prefers less motion. */
  reducedMotion() {
    return matchMedia("(prefers-reduced-motion: reduce)").matches
  }

  /**
   * Play by itself when it is first seen, unless the visitor prefers less motion.
   * @param {boolean} inSight
   */
  seen(inSight) {
    if (!inSight || hasPlayed || !this.plan || this.reducedMotion()) return
    this.play()
  }

  /** Fill the result cell by cell, from the present one, or from the start if it is full. */
  play() {
    if (!this.plan) return
    hasPlayed = true
    if (this.filled >= this.count) this.filled = 0
    this.playing = true
    this.say("")
    this.icon(this.find(".play"), "pause")
    this.find(".play").setAttribute("aria-label", "Pause")
    let due = performance.now()
    const loop = (now) => {
      if (!this.playing) return
      let steps = 0
      while (now >= due && this.filled + steps < this.count) {
        steps += 1
        due += 1000 / SPEEDS[this.speed]
      }
      if (steps) {
        this.filled += steps
        this.at = this.filled - 1
        if (this.filled >= this.count) this.pause()
        else this.show()
      }
      if (this.playing) requestAnimationFrame(loop)
    }
    requestAnimationFrame(loop)
  }

  /** Stop where it is. */
  pause() {
    const was = this.playing
    this.playing = false
    this.icon(this.find(".play"), "play")
    this.find(".play").setAttribute("aria-label", "Play")
    if (was && this.plan) { this.show(); this.announce() }
  }

  /**
   * Go on or back by steps.
   * @param {number} steps
   */
  step(steps) {
    if (!this.plan) return
    this.pause()
    if (!this.filled) { this.at = -1; steps = Math.max(steps, 0) }
    const goal = this.at + steps
    if (steps < 0 && this.filled < this.count) this.filled = Math.max(goal + 1, 0)
    this.at = clamp(goal, 0, this.count - 1)
    this.filled = steps < 0 ? this.filled : Math.max(this.filled, Math.min(goal + 1, this.count))
    this.show()
    this.announce()
  }

  /**
   * Show the result as it is after so many steps.
   * @param {number} filled
   */
  scrub(filled) {
    this.pause()
    this.filled = filled
    this.at = clamp(filled - 1, 0, this.count - 1)
    this.show()
  }

  /**
   * Set the speed.
   * @param {number} speed - Index in `SPEEDS`; -1 for the fastest.
   */
  setSpeed(speed) {
    this.speed = speed < 0 ? SPEEDS.length - 1 : speed
    const input = this.find(".speed input")
    input.value = this.speed
    input.setAttribute("aria-valuetext", `${SPEEDS[this.speed]} cells per second`)
    input.title = `${SPEEDS[this.speed]} cells per second`
  }

  /**
   * Handle a key: the space bar plays, arrows step.
   * @param {KeyboardEvent} event
   */
  key(event) {
    const target = /** @type {HTMLElement} */ (event.composedPath()[0])
    if (!this.plan || target.matches("input[type=text], [role=radio]")) return
    const button = target.matches("button, input[type=checkbox]")
    if (event.key === " " && !button) {
      event.preventDefault()
      if (this.playing) this.pause()
      else this.play()
      return
    }
    if (target.matches("input")) return
    if (target === this.before.canvas) { this.cursorKey(event); return }
    const arrow = arrowStep(event)
    if (arrow) this.step(arrow[0] * this.plan.walk[1] + arrow[1])
    else if (event.key === "Home" || event.key === "End") {
      event.preventDefault()
      this.step(event.key === "Home" ? -this.at : this.count - 1 - this.at)
    }
  }

  /** Say the present step, for a visitor who cannot see it. */
  announce() {
    const { plan, at, filled } = this
    if (!filled) { this.say("Nothing is filled yet."); return }
    const row = Math.floor(at / plan.walk[1]), column = at % plan.walk[1]
    const what = plan.operation.kind === "transposed" ? `Stamp of row ${row}, column ${column}` : `Row ${row}, column ${column} of the result`
    const value = plan.operation.kind === "transposed" ? this.plane[at] : this.full[at]
    this.say(`${what}: ${written(value, 4)}`)
  }

  /**
   * Write a sentence under the formula.
   * @param {string} text
   * @param {boolean} [wrong] - Whether it is about an error.
   */
  say(text, wrong = false) {
    const status = this.find(".status")
    if (status.textContent !== text) status.textContent = text
    status.classList.toggle("wrong", wrong && Boolean(text))
  }

  // Pointing and painting -------------------------------------------------------------------------------------------

  /**
   * Open the step under the pointer.
   * @param {PointerEvent} event
   * @param {Grid} grid
   */
  pointAt(event, grid) {
    if (!this.plan) return
    const { row, column } = grid.cellAt(event)
    const { plan } = this
    const pressed = event.type === "pointerdown" || event.buttons > 0
    const inCrop = grid === this.before
    const read = inCrop ? stepAt(plan, row, column) : this.stepMaking(row, column)
    if (read === null || (!pressed && read >= this.filled)) return
    if (pressed) this.pause()
    if (inCrop && pressed && row >= 0 && column >= 0 && row < this.size[0] && column < this.size[1]) {
      this.cursor = { row, column }
      this.showCursor()
    }
    if (read === this.at && this.filled > read) return
    this.at = read
    this.filled = Math.max(this.filled, read + 1)
    this.show()
    if (pressed) this.announce()
  }

  /**
   * Return the step that makes a cell of the result; of several stamps the one that is centred nearest.
   * @param {number} row
   * @param {number} column
   * @returns {number | null} Null outside of the result.
   */
  stepMaking(row, column) {
    const { plan } = this
    if (row < 0 || column < 0 || row >= plan.out[0] || column >= plan.out[1]) return null
    if (plan.operation.kind !== "transposed") return row * plan.walk[1] + column
    const first = madeBy(plan, 0)
    const [y, x] = [[row, first.row, first.height], [column, first.column, first.width]].map(([at, begin, extent], axis) =>
      clamp(Math.round((at - begin - (extent - 1) / 2) / plan.operation.stride[axis]), 0, plan.walk[axis] - 1))
    return y * plan.walk[1] + x
  }

  /** Return the cell of the crop in the middle of the present window. */
  cellOfStep() {
    const { row, column, height, width } = windowOf(this.plan, this.at)
    return { row: clamp(row + (height >> 1), 0, this.size[0] - 1), column: clamp(column + (width >> 1), 0, this.size[1] - 1) }
  }

  /**
   * Choose between pointing and painting.
   * @param {"point" | "paint"} tool
   */
  setTool(tool) {
    this.tool = tool
    markChosen(this.toolButtons, tool === "paint" ? 1 : 0)
    this.find(".scene").classList.toggle("painting", tool === "paint")
  }

  /** Show the brush's value. */
  showBrush() {
    this.find(".brush").value = this.brush
    const swatch = element("i", "swatch")
    const grey = Math.round(255 * clamp(this.brush / this.data.white, 0, 1))
    swatch.style.cssText = `display: inline-block; vertical-align: middle; margin-right: 0.4em; background: rgb(${grey}, ${grey}, ${grey})`
    this.find(".brush").nextElementSibling.replaceChildren(swatch, document.createTextNode(written(this.brush, 2)))
    this.find(".brush").setAttribute("aria-valuetext", `Value ${written(this.brush, 2)}`)
  }

  /**
   * Paint a cell with the brush.
   * @param {{row: number, column: number}} cell
   */
  paintAt({ row, column }) {
    if (row < 0 || column < 0 || row >= this.size[0] || column >= this.size[1]) return
    const index = row * this.size[1] + column
    this.cursor = { row, column }
    if (this.painted[index] && this.plane[index] === Math.fround(this.brush)) return
    this.setCell(index, this.brush)
  }

  /**
   * Give a cell a value.
   * @param {number} index
   * @param {number} value
   */
  setCell(index, value) {
    const { channels } = this.data
    this.cells.fill(value, index * channels, (index + 1) * channels)
    this.painted[index] = 1
    this.touched = true
    this.edit()
    this.showCursor()
  }

  /** After an edit: all of the result follows at once. */
  edit() {
    this.pause()
    this.moved = null
    this.filled = this.count
    this.say("")
    this.recompute()
  }

  /** Paint the whole crop with the brush: an even crop shows the checkerboard of uneven stamps. */
  fillCrop() {
    this.cells.fill(this.brush)
    this.painted.fill(0)
    this.touched = true
    this.edit()
    this.say(`All cells are ${written(this.brush, 2)}.`)
    this.showCursor()
  }

  /** Take the photo's cells again. */
  resetCrop() {
    this.restoreCells()
    this.edit()
    this.say("The crop is the photo's again.")
    this.showCursor()
  }

  /** Show the selected cell's value in its field. */
  showCursor() {
    const { cursor, number } = this
    number.disabled = !cursor
    if (!number.matches(":focus")) number.value = cursor ? editable(this.plane[cursor.row * this.size[1] + cursor.column]) : ""
    number.placeholder = cursor ? "" : "click a cell"
    number.setAttribute("aria-label", cursor ? `Value of the cell in row ${cursor.row}, column ${cursor.column}` : "Value of the cell")
  }

  /** Take over a typed value. */
  typeValue() {
    const { cursor, number } = this
    if (!cursor || !this.plan) return
    const value = readNumber(number.value)
    const wrong = Number.isNaN(value)
    if (wrong && ["", "-", "−", "."].includes(number.value.trim())) return // the beginning of a number
    number.toggleAttribute("aria-invalid", wrong)
    const index = cursor.row * this.size[1] + cursor.column
    if (wrong) {
      number.setAttribute("aria-invalid", "true")
      this.say(noNumber(number.value, `the cell stays ${editable(this.plane[index])}`), true)
    } else this.setCell(index, value)
  }

  /**
   * Move the selected cell, or paint it.
   * @param {KeyboardEvent} event - On the crop.
   */
  cursorKey(event) {
    const step = arrowStep(event)
    this.cursor ??= this.cellOfStep()
    if (event.key === "Enter") { this.setTool("paint"); this.paintAt(this.cursor) }
    if (!step) return
    this.cursor = { row: clamp(this.cursor.row + step[0], 0, this.size[0] - 1), column: clamp(this.cursor.column + step[1], 0, this.size[1] - 1) }
    this.showCursor()
    this.draw()
    this.say(`Cell in row ${this.cursor.row}, column ${this.cursor.column}: ${written(this.plane[this.cursor.row * this.size[1] + this.cursor.column])}`)
  }

  /**
   * Move all cells of the crop by one; those at the border are repeated. Mark the results that it changes.
   * @param {string} direction - A key of `DIRECTIONS`.
   */
  movePattern(direction) {
    if (!this.plan) return
    const [down, right] = direction.split(",").map(Number)
    const [height, width] = this.size, { channels } = this.data
    const cells = this.cells.slice(), painted = this.painted.slice() // which cells are painted moves along
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const from = clamp(row - down, 0, height - 1) * width + clamp(column - right, 0, width - 1)
        const to = row * width + column
        for (let c = 0; c < channels; c++) cells[to * channels + c] = this.cells[from * channels + c]
        painted[to] = this.painted[from]
      }
    }
    const before = this.full
    Object.assign(this, { cells, painted, touched: true })
    this.edit()
    const changed = this.full.map((value, at) => Number(Math.abs(value - before[at]) > 1e-6 * this.data.white))
    const count = changed.reduce((sum, each) => sum + each, 0)
    const mean = this.full.reduce((sum, value, at) => sum + Math.abs(value - before[at]), 0) / this.full.length
    this.moved = { changed }
    this.show()
    this.showCursor()
    this.say(`Moved ${DIRECTIONS[direction]} by one cell: ${this.full.length - count} of ${this.full.length} values stay as they were; ` +
      `the mean change is ${written(mean)}.`)
  }

  // Kernel and crop -------------------------------------------------------------------------------------------------

  /**
   * Change a weight of the kernel.
   * @param {number} at - Its index.
   * @param {number} value
   */
  editWeight(at, value) {
    this.weights = this.weights.with ? this.weights.with(at, value) : this.weights.map((weight, index) => (index === at ? value : weight))
    this.edited = true
    this.edit()
  }

  /** Take the page's kernel again. */
  resetKernel() {
    this.weights = [...this.data.operation.weights]
    this.edited = false
    this.edit()
  }

  /** Hand the edited kernel to the page. */
  keepKernel() {
    const [rows, columns] = this.plan.operation.size
    this.send("kernel", Array.from({ length: rows }, (_, row) => this.weights.slice(row * columns, (row + 1) * columns)))
  }

  /** While the frame moves: the cells as the shown picture has them. */
  previewCrop() {
    const { place } = this.picker
    const values = this.picker.preview(this.data.channels, this.data.white)
    if (!values) return
    this.data = { ...this.data, crop: { ...place } }
    this.source = null
    this.original = values
    this.size = [place.height, place.width]
    this.cursor = null
    this.restoreCells()
    const whole = this.filled >= this.count
    this.recompute()
    if (whole) { this.filled = this.count; this.show() }
    this.showCursor()
  }

  /**
   * Ask Python for the exact cells of a crop.
   * @param {import("./player_photo.js").Place} place
   */
  sendCrop({ cells, cell, row, column }) {
    this.send("crop", { cells, cell, row, column })
  }

  /** Ask for the crop around the pixel that is selected on the page. */
  goToSelected() {
    const [cells, cell, row, column] = this.data.selected.split(".").map(Number)
    this.sendCrop({ cells, cell, row, column })
  }
}

/**
 * Show the player.
 * @param {import("../shared.js").Component<Data>} component
 */
export default function mount(component) {
  const { data, parentElement, setTriggerValue } = component
  parentElement.player ??= new Player(parentElement.querySelector(".player"))
  parentElement.player.update(data, setTriggerValue)
  return cleanUpOfCall(component, mount, () => {
    parentElement.player?.pause()
    parentElement.player?.observer.disconnect()
    parentElement.player?.sight.disconnect()
    parentElement.player = null
  })
}
