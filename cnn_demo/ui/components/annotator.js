// A picture to draw on: boxes, polygons and brush strokes, with mouse, finger, pen or keyboard.
// Shapes are in pixels of the picture; cnn_demo/drawing/shapes.py reads them and makes masks of them by the same rules.

import { Layers } from "./annotation_layers.js"
import { ERASER, boxAt, boxBetween, distance, hasArea, movedBox, rounded } from "./annotation_shapes.js"
import { arrowStep, clamp, cleanUpOfCall, keepTouch, setAttributes } from "./shared.js"

const CLICK_LENGTH = 4 // CSS pixels, as are all lengths here: a drag that is shorter is a click
const CLOSING_DISTANCE = 18 // distance to the first corner at which a click closes a polygon
const SPACING = 2 // between the points of a stroke, or a tenth of the brush if that is more
const NOTIFY_DELAY = 300 // milliseconds after the last key press until Python is notified
const HINTS = {
  box: "Drag from one corner to the opposite one. Tap a box to select it.",
  polygon: "Tap one corner after the other, then the first one again.",
  brush: "Paint with mouse, finger or pen.",
  eraser: "Wipe over paint to remove it.",
}
const KEYS = {
  box: "Keyboard: Enter adds a box, arrows move it, Shift and arrows resize it, Delete removes it, Ctrl+Z undoes.",
  polygon: "Keyboard: arrows move the pointer, Space sets a corner, Enter closes the polygon, Ctrl+Z undoes.",
  brush: "Keyboard: arrows move the brush, Space puts it down and lifts it, Ctrl+Z undoes.",
  eraser: "Keyboard: arrows move the eraser, Space puts it down and lifts it, Ctrl+Z undoes.",
}

/**
 * @typedef {import("./annotation_shapes.js").Point} Point
 * @typedef {import("./annotation_shapes.js").Shape} Shape
 *
 * @typedef {object} Data
 * @property {string | null} source - Data URL of the picture; null for a black board.
 * @property {number} height - In pixels, as is width.
 * @property {number} width
 * @property {string} drawing - Name of the drawing.
 * @property {number} revision - Counts how often Python has replaced the drawing.
 * @property {Shape[]} shapes
 * @property {"box" | "polygon" | "brush" | "eraser"} tool
 * @property {[string, string][]} classes - Name and colour of each class.
 * @property {number} classId - Index of the class that is drawn.
 * @property {number} brush - Width in pixels of the picture.
 * @property {number | null} maxShapes - The oldest shape makes room; null for no limit.
 * @property {number} opacity - Opacity of the paint, from 0 to 1.
 * @property {string} alt
 * @property {number} maxHeight - In CSS pixels; it is at most half of the window's, too.
 */

/** The picture, the shapes on it and their controls. */
class Annotator {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root
    this.find = (selector) => root.querySelector(selector)
    this.svg = this.find("svg")
    this.frame = this.find(".frame")
    this.layers = new Layers(this.frame)
    this.status = this.find(".status")
    /** @type {any[]} */
    this.fields = [...root.querySelectorAll(".numbers input")]
    /** @type {Data | null} */
    this.data = null
    /** @type {Shape[]} */
    this.shapes = []
    /** @type {Shape[][]} */
    this.history = [] // earlier states of `shapes`
    /** @type {Point[]} */
    this.draft = [] // corners of the polygon that is not closed yet
    this.selected = -1 // index of the selected box
    /** @type {any} */
    this.held = null // the drag in progress, or the stroke of the keyboard's brush
    /** @type {Point | null} */
    this.cursor = null // the pointer of the keyboard
    /** @type {Point | null} */
    this.hover = null // the mouse
    this.timer = null
    // A focus ring is for keys only; a browser would also show one after a click.
    for (const type of ["pointerdown", "keydown", "keyup"]) {
      root.addEventListener(type, () => { root.dataset.by = type === "pointerdown" ? "pointer" : "keys" })
    }
    keepTouch(this.svg)
    this.svg.onpointerdown = (event) => this.press(event)
    this.svg.onpointermove = (event) => this.drag(event)
    this.svg.onpointerup = (event) => { if (event.isPrimary) this.release() }
    this.svg.onpointercancel = (event) => { if (event.isPrimary) this.cancel() }
    this.svg.onpointerleave = () => { this.hover = null; if (!this.held) this.draw() }
    this.svg.ondblclick = () => this.close()
    this.svg.onkeydown = (event) => this.key(event)
    this.svg.onkeyup = (event) => { if (event.key === "Tab" && event.target === this.svg) this.showStatus(KEYS[this.data.tool]) }
    this.svg.onblur = () => { if (this.held?.keyboard) this.release() }
    const actions = {
      add: () => this.addBox(), close: () => this.close(), undo: () => this.undo(), delete: () => this.remove(),
      clear: () => this.commit([], "Cleared."),
    }
    for (const [name, act] of Object.entries(actions)) {
      const button = this.find(`.${name}`)
      button.onclick = () => { if (button.getAttribute("aria-disabled") !== "true") act() }
    }
    for (const field of this.fields) {
      field.onchange = () => this.type()
      field.onblur = () => this.draw()
    }
    this.observer = new ResizeObserver(() => this.fit())
    this.observer.observe(this.frame)
  }

  /**
   * Take over new data. The visitor's shapes stay unless Python has replaced them, or shows another drawing.
   * @param {Data} data
   * @param {(value: object) => void} notify - Sends the drawing to Python.
   */
  show(data, notify) {
    const before = this.data
    const other = before?.drawing !== data.drawing
    if (!other && before.tool !== data.tool) this.finish()
    if (other) {
      clearTimeout(this.timer)
      Object.assign(this, { held: null, draft: [], selected: -1, history: [], cursor: null, timer: null })
    }
    if (other || before.revision !== data.revision) {
      if (!other) this.history.push(this.shapes)
      this.shapes = data.shapes
      this.selected = -1
    }
    this.data = data
    this.notify = notify
    const img = this.find("img")
    img.hidden = !data.source
    if (data.source && img.getAttribute("src") !== data.source) img.src = data.source
    this.frame.style.setProperty("--ratio", String(data.width / data.height))
    this.frame.style.setProperty("--height", `${data.maxHeight}px`)
    this.frame.style.setProperty("--class", data.classes[data.classId][1])
    this.find("canvas").style.opacity = String(data.opacity)
    setAttributes(this.svg, {
      "data-tool": data.tool, viewBox: `0 0 ${data.width} ${data.height}`, "aria-label": `${data.alt} ${KEYS[data.tool]}`,
    })
    if (other || before.tool !== data.tool) this.showStatus(HINTS[data.tool])
    this.fit()
  }

  /** Fit everything to the room that the page has. */
  fit() {
    if (this.data && this.layers.fit([this.data.width, this.data.height], this.data.classes)) this.draw()
  }

  /** @returns {number} Pixels of the picture in one of the screen. */
  get unit() {
    return this.layers.unit
  }

  /** Draw everything, and set the controls to the state of the drawing. */
  draw() {
    this.layers.paint(this.held?.stroke ? [...this.shapes, this.held.stroke] : this.shapes)
    this.layers.drawBoxes(this.shapes, this.selected, (index) => this.nameOf(index), (index) => this.select(index))
    this.drawDraft()
    this.point(this.cursor ?? this.hover)
    const { tool } = this.data
    const box = this.shapes[this.selected]
    const enable = (name, shown, enabled) => {
      this.find(`.${name}`).hidden = !shown
      this.find(`.${name}`).setAttribute("aria-disabled", String(!enabled))
    }
    enable("add", tool === "box", true)
    enable("close", tool === "polygon", this.draft.length > 2)
    enable("undo", true, this.draft.length || this.history.length || this.shapes.length)
    enable("delete", tool === "box", Boolean(box))
    enable("clear", true, this.shapes.length)
    this.find(".numbers").hidden = !box
    if (!box) return
    this.find(".numbers").setAttribute("aria-label", `Corners of ${this.nameOf(this.selected)}, in pixels`)
    const typing = /** @type {any} */ (this.root.getRootNode()).activeElement
    box.points.flat().forEach((value, index) => {
      this.fields[index].max = String([this.data.width, this.data.height][index % 2])
      if (this.fields[index] !== typing) this.fields[index].value = String(Math.round(value * 10) / 10)
    })
  }

  /** Draw the polygon that is not closed yet. */
  drawDraft() {
    this.layers.drawDraft(this.draft, this.held ? null : this.hover)
  }

  /**
   * Show the brush, or the pointer of the keyboard.
   * @param {Point | null} at
   */
  point(at) {
    const { tool, brush } = this.data
    const shown = tool === "brush" || tool === "eraser" || (tool === "polygon" && at === this.cursor)
    this.layers.movePointer(shown ? at : null, tool === "polygon" ? 5 * this.unit : brush / 2)
  }

  /**
   * Return where a pointer is.
   * @param {PointerEvent} event
   * @returns {Point} Within the picture.
   */
  at(event) {
    const { width, height } = this.data
    const box = this.frame.getBoundingClientRect()
    return rounded([
      clamp((event.clientX - box.left) / box.width * width, 0, width),
      clamp((event.clientY - box.top) / box.height * height, 0, height),
    ])
  }

  /**
   * Begin a shape, or to move a selected box.
   * @param {any} event - The PointerEvent.
   */
  press(event) {
    if (this.held?.keyboard) this.release()
    if (event.button !== 0 || !event.isPrimary || this.held) return
    event.preventDefault() // else a long press selects text
    this.svg.setPointerCapture(event.pointerId)
    this.svg.focus({ preventScroll: true })
    this.cursor = null
    const at = this.at(event)
    const { tool } = this.data
    if (tool === "box") {
      const part = event.target.dataset.part
      this.held = { from: at, before: this.shapes, part, box: part && this.shapes[this.selected].points }
    } else if (tool === "polygon") {
      if (this.draft.length > 2 && distance(at, this.draft[0]) < CLOSING_DISTANCE * this.unit) return this.close()
      this.draft.push(at)
      this.held = { corner: true }
      this.draw()
    } else {
      this.beginStroke(at)
    }
  }

  /** @param {PointerEvent} event */
  drag(event) {
    if (!this.data || !event.isPrimary) return
    const at = this.at(event)
    if (event.pointerType === "mouse") this.hover = at
    if (event.pointerType === "mouse" || this.held) this.point(at)
    if (!this.held) return this.drawDraft()
    if (this.held.keyboard) return
    if (this.held.stroke) {
      const events = event.getCoalescedEvents?.() ?? []
      for (const each of events.length ? events : [event]) this.extend(this.at(each))
    } else if (this.held.corner) {
      this.draft[this.draft.length - 1] = at
      this.drawDraft()
    } else {
      this.dragBox(at)
    }
  }

  /**
   * Let a new or a selected box follow the pointer.
   * @param {Point} at
   */
  dragBox(at) {
    const { from, before, part, box } = this.held
    if (!this.held.moved && distance(at, from) < CLICK_LENGTH * this.unit) return
    this.held.moved = true
    if (part) {
      this.shapes = this.withBox(movedBox(box, part, [at[0] - from[0], at[1] - from[1]], this.size))
    } else {
      this.shapes = this.limited([...before, { kind: "box", classId: this.data.classId, points: boxBetween(from, at) }])
      this.selected = this.shapes.length - 1
    }
    this.draw()
  }

  /** End a drag, and send its result to Python. */
  release() {
    const { held } = this
    if (!held) return
    this.held = null
    if (held.stroke) {
      this.commit(this.limited([...this.shapes, held.stroke]), held.stroke.classId === ERASER ? "Erased." : `Painted${this.asClass()}.`)
    } else if (held.corner) {
      this.showStatus(this.draftSentence())
      this.draw()
    } else if (!held.moved) {
      this.select(held.part && held.part !== "whole" ? this.selected : boxAt(this.shapes, held.from))
    } else {
      const next = this.shapes
      this.shapes = held.before
      if (hasArea(next[this.selected].points)) return this.commit(next, "")
      this.selected = -1
      this.draw()
    }
  }

  /** Undo a drag in progress: the browser has taken the pointer away. */
  cancel() {
    if (!this.held) return
    if (this.held.before) this.shapes = this.held.before
    if (this.held.corner) this.draft.pop()
    this.selected = Math.min(this.selected, this.shapes.length - 1)
    this.held = null
    this.draw()
  }

  /**
   * Put the brush down.
   * @param {Point} at
   * @param {boolean} [keyboard] - Whether keys move it.
   */
  beginStroke(at, keyboard = false) {
    const classId = this.data.tool === "eraser" ? ERASER : this.data.classId
    this.held = { stroke: { kind: "stroke", classId, points: [at], width: this.data.brush }, keyboard }
    this.layers.paintShape(this.held.stroke)
    this.point(at)
  }

  /**
   * Let the stroke go on.
   * @param {Point} at
   */
  extend(at) {
    const { stroke } = this.held
    const last = stroke.points[stroke.points.length - 1]
    if (distance(at, last) < Math.max(SPACING * this.unit, stroke.width / 10)) return
    stroke.points.push(at)
    this.layers.paintShape({ ...stroke, points: [last, at] })
  }

  /**
   * Take over a new list of shapes, describe it, and send it to Python.
   * @param {Shape[]} shapes
   * @param {string} sentence - Empty to describe the selected box.
   * @param {boolean} [deferred] - Whether more of the kind may follow at once, as from a key that is held.
   */
  commit(shapes, sentence, deferred = false) {
    if (!deferred || !this.timer) this.history.push(this.shapes) // a row of key presses is undone at once
    this.shapes = shapes
    if (this.shapes[this.selected]?.kind !== "box") this.selected = -1
    this.showStatus(sentence || this.boxSentence())
    this.send(deferred)
  }

  /** @param {boolean} deferred - Whether to wait for further changes. */
  send(deferred) {
    clearTimeout(this.timer)
    this.timer = null
    const notify = () => {
      this.timer = null
      this.notify({ drawing: this.data.drawing, revision: this.data.revision, shapes: this.shapes })
    }
    if (deferred) this.timer = setTimeout(notify, NOTIFY_DELAY)
    else notify()
    this.draw()
  }

  /** Undo the last corner of an open polygon, or the last change; of a drawing that was there before, the last shape. */
  undo() {
    if (this.draft.length) {
      this.draft.pop()
      this.showStatus(this.draftSentence())
      return this.draw()
    }
    if (!this.history.length && !this.shapes.length) return
    this.shapes = this.history.pop() ?? this.shapes.slice(0, -1)
    if (this.shapes[this.selected]?.kind !== "box") this.selected = -1
    const count = this.shapes.length
    this.showStatus(`Undone. ${count || "Nothing"} ${count > 1 ? "shapes are" : count ? "shape is" : "is"} drawn.`)
    this.send(false)
  }

  /**
   * Return the newest shapes, as many as there may be.
   * @param {Shape[]} shapes
   * @returns {Shape[]}
   */
  limited(shapes) {
    return this.data.maxShapes ? shapes.slice(-this.data.maxShapes) : shapes
  }

  /** Add a box in the middle. */
  addBox() {
    const { width, height, classId } = this.data
    const shift = 0.04 * (this.shapes.length % 8) // else it would cover the one before
    const points = [0.35, 0.65].map((at) => rounded([(at + shift) * width, (at + shift) * height]))
    const next = this.limited([...this.shapes, /** @type {Shape} */ ({ kind: "box", classId, points })])
    this.selected = next.length - 1
    this.commit(next, "")
    this.find(".box.selected")?.focus({ preventScroll: true })
  }

  /** Remove the selected box. */
  remove() {
    if (this.selected < 0) return
    const name = this.nameOf(this.selected)
    const next = this.shapes.filter((_, index) => index !== this.selected)
    this.selected = -1
    this.commit(next, `${name} deleted.`)
    this.svg.focus({ preventScroll: true })
    this.showStatus(`${name} deleted.`)
  }

  /**
   * Select a box.
   * @param {number} index - Of the shape; -1 for none.
   */
  select(index) {
    if (this.selected === index) return
    this.selected = index
    this.showStatus(index < 0 ? HINTS[this.data.tool] : this.boxSentence())
    this.draw()
  }

  /**
   * Return the shapes with other corners of the selected box.
   * @param {Point[]} points
   * @returns {Shape[]}
   */
  withBox(points) {
    return this.shapes.map((shape, index) => index === this.selected ? { ...shape, points } : shape)
  }

  /** @returns {Point} Width and height of the picture. */
  get size() {
    return [this.data.width, this.data.height]
  }

  /** Take over the typed corners of the selected box. */
  type() {
    const typed = this.fields.map((field, index) => clamp(Number.parseFloat(field.value), 0, this.size[index % 2]))
    const box = boxBetween(typed.slice(0, 2), typed.slice(2))
    if (typed.every(Number.isFinite) && hasArea(box)) return this.commit(this.withBox(box), "")
    this.showStatus("A box is at least one pixel wide and high: it is unchanged.")
    this.draw()
  }

  /** Close the polygon, or drop it if it has fewer than three corners. */
  finish() {
    if (this.held?.keyboard) this.release()
    if (this.draft?.length > 2) this.close()
    this.draft = []
    this.selected = -1
    this.cursor = null
  }

  /** Close the polygon. */
  close() {
    const corners = this.draft.filter((at, index) => !index || distance(at, this.draft[index - 1]) > CLICK_LENGTH * this.unit)
    if (this.data.tool !== "polygon" || corners.length < 3) return
    this.draft = []
    this.held = null
    const shape = /** @type {Shape} */ ({ kind: "polygon", classId: this.data.classId, points: corners })
    this.commit(this.limited([...this.shapes, shape]), `Polygon of ${corners.length} corners painted${this.asClass()}.`)
  }

  /**
   * Draw by key.
   * @param {any} event - The KeyboardEvent.
   */
  key(event) {
    const { tool } = this.data
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
      event.preventDefault()
      if (this.held?.keyboard) this.release()
      return this.undo()
    }
    const step = arrowStep(event)
    if (step) return tool === "box" ? this.moveByKey(step, event.shiftKey) : this.moveCursor(step, event.shiftKey)
    if (!["Enter", " ", "Escape", "Delete", "Backspace"].includes(event.key)) return
    event.preventDefault()
    const erases = event.key === "Delete" || event.key === "Backspace"
    if (tool === "box") {
      if (erases) this.remove()
      else if (event.key === "Escape") this.select(-1)
      else if (event.target === this.svg) this.addBox()
    } else if (tool === "polygon") {
      if (event.key === "Enter") this.close()
      else if (event.key === "Escape") this.draft = []
      else if (erases) this.draft.pop()
      else this.draft.push(this.placeCursor())
      if (event.key !== "Enter") this.showStatus(this.draftSentence())
      this.draw()
    } else if (this.held) {
      this.release()
    } else if (event.key === " ") {
      this.beginStroke(this.placeCursor(), true)
      this.showStatus("The brush is down: arrows paint, Space lifts it.")
    }
  }

  /**
   * Move the selected box by key; with Shift, its lower right corner.
   * @param {[number, number]} step
   * @param {boolean} resize
   */
  moveByKey([down, right], resize) {
    if (this.selected < 0) return
    const length = Math.max(1, Math.round(0.01 * Math.max(...this.size)))
    const box = movedBox(this.shapes[this.selected].points, resize ? "se" : "whole", [right * length, down * length], this.size)
    this.commit(this.withBox(box), "", true)
  }

  /**
   * Move the pointer of the keyboard; with Shift, by less.
   * @param {[number, number]} step
   * @param {boolean} fine
   */
  moveCursor([down, right], fine) {
    const length = (fine ? 0.0025 : 0.02) * Math.max(...this.size)
    const [x, y] = this.placeCursor()
    this.cursor = rounded([clamp(x + right * length, 0, this.size[0]), clamp(y + down * length, 0, this.size[1])])
    if (this.held?.keyboard) this.extend(this.cursor)
    this.point(this.cursor)
    this.showStatus(`At ${Math.round(this.cursor[0])}, ${Math.round(this.cursor[1])}.`)
  }

  /**
   * Return where the pointer of the keyboard is; at first, in the middle.
   * @returns {Point}
   */
  placeCursor() {
    this.cursor ??= this.size.map((side) => side / 2)
    return this.cursor
  }

  /** @returns {string} The class of the paint in words, such as " as cat"; empty for a class without a name. */
  asClass() {
    const name = this.data.classes[this.data.classId]?.[0]
    return name ? ` as ${name}` : ""
  }

  /**
   * Return the name of a box.
   * @param {number} index - Of the shape.
   * @returns {string}
   */
  nameOf(index) {
    const number = this.shapes.slice(0, index + 1).filter(({ kind }) => kind === "box").length
    const name = this.data.classes[this.shapes[index].classId]?.[0]
    const label = this.data.maxShapes === 1 ? "Box" : `Box ${number}`
    return name ? `${label}, ${name}` : label
  }

  /** @returns {string} Name and size of the selected box. */
  boxSentence() {
    if (this.selected < 0) return HINTS[this.data.tool]
    const [[left, top], [right, bottom]] = this.shapes[this.selected].points
    return `${this.nameOf(this.selected)}: ${Math.round(right - left)} × ${Math.round(bottom - top)} pixels.`
  }

  /** @returns {string} The number of corners of the open polygon. */
  draftSentence() {
    const count = this.draft.length
    return count ? `${count} corner${count > 1 ? "s" : ""}.${count > 2 ? " Tap the first one to close the polygon." : ""}` : HINTS.polygon
  }

  /**
   * Write a sentence under the picture.
   * @param {string} sentence
   */
  showStatus(sentence) {
    if (this.status.textContent !== sentence) this.status.textContent = sentence
  }
}

/**
 * Show the picture.
 * @param {import("./shared.js").Component<Data>} component
 */
export default function mount(component) {
  const { data, parentElement, setTriggerValue } = component
  parentElement.annotator ??= new Annotator(parentElement.querySelector(".annotator"))
  parentElement.annotator.show(data, (value) => setTriggerValue("drawn", value))
  return cleanUpOfCall(component, mount, () => {
    parentElement.annotator?.observer.disconnect()
    clearTimeout(parentElement.annotator?.timer)
    parentElement.annotator?.layers.release()
    parentElement.annotator = null
  })
}
