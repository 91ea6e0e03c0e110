// A picture to draw on: boxes, polygons and brush strokes, with mouse, finger, pen or keyboard.
// Shapes are in pixels of the picture; cnn_demo/drawing/shapes.py reads them and makes masks of them by the same rules.

import { arrowStep, clamp, setAttributes, svgElement } from "./shared.js"

const ERASER = -1 // class of a stroke that erases
const CLICK = 4 // CSS pixels, as are all lengths here: a drag that is shorter is a click
const DOT = 6, REACH = 22 // a corner as it is drawn, and as it is caught
const CLOSING = 18 // distance to the first corner at which a click closes a polygon
const SPACING = 1.5 // between the points of a stroke
const REST = 300 // milliseconds after the last key press until Python is told
const CORNERS = { nw: [0, 0], ne: [1, 0], sw: [0, 1], se: [1, 1] } // which corner has their x and their y
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
 * @typedef {number[]} Point - x and y in pixels of the picture.
 *
 * @typedef {object} Shape
 * @property {"box" | "polygon" | "stroke"} kind
 * @property {number} classId - Index of the class; -1 for a stroke that erases.
 * @property {Point[]} points - Two corners of a box, the corners of a polygon, or the path of a stroke.
 * @property {number} [width] - Width of a stroke in pixels of the picture.
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
 */

/**
 * Return the distance of two points.
 * @param {Point} a
 * @param {Point} b
 * @returns {number}
 */
const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1])

/**
 * Round a coordinate to what Python is told.
 * @param {number} value
 * @returns {number}
 */
const rounded = (value) => Math.round(value * 100) / 100

/**
 * Return a box between two opposite corners.
 * @param {Point} a
 * @param {Point} b
 * @returns {Point[]} Upper left and lower right corner.
 */
function boxBetween(a, b) {
  const [left, right] = [a[0], b[0]].sort((x, y) => x - y), [top, bottom] = [a[1], b[1]].sort((x, y) => x - y)
  return [[left, top], [right, bottom]]
}

/** The picture, the shapes on it and their controls. */
class Annotator {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root
    this.find = (selector) => root.querySelector(selector)
    this.svg = this.find("svg")
    this.frame = this.find(".frame")
    this.canvas = this.find("canvas")
    this.status = this.find(".status")
    /** @type {any[]} */
    this.fields = [...root.querySelectorAll(".numbers input")]
    this.groups = [] // the elements of each box
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
    this.held = null // what the pointer, or the brush of the keyboard, is doing
    /** @type {Point | null} */
    this.cursor = null // the pointer of the keyboard
    /** @type {Point | null} */
    this.hover = null // the mouse
    this.timer = null
    // A focus ring is for keys only; a browser would also show one after a click.
    for (const type of ["pointerdown", "keydown", "keyup"]) {
      root.addEventListener(type, () => { root.dataset.by = type === "pointerdown" ? "pointer" : "keys" })
    }
    this.svg.onpointerdown = (event) => this.press(event)
    this.svg.onpointermove = (event) => this.drag(event)
    this.svg.onpointerup = () => this.release()
    this.svg.onpointercancel = () => this.cancel()
    this.svg.onpointerleave = () => { this.hover = null; if (!this.held) this.draw() }
    this.svg.ondblclick = () => this.close()
    this.svg.onkeydown = (event) => this.key(event)
    this.svg.onkeyup = (event) => { if (event.key === "Tab" && event.target === this.svg) this.say(KEYS[this.data.tool]) }
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
   * @param {(value: object) => void} tell - Sends the drawing to Python.
   */
  show(data, tell) {
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
    this.tell = tell
    const img = this.find("img")
    img.hidden = !data.source
    if (data.source && img.getAttribute("src") !== data.source) img.src = data.source
    this.frame.style.setProperty("--ratio", String(data.width / data.height))
    this.frame.style.setProperty("--class", this.colour(data.classId))
    this.canvas.style.opacity = String(data.opacity)
    setAttributes(this.svg, {
      "data-tool": data.tool, viewBox: `0 0 ${data.width} ${data.height}`, "aria-label": `${data.alt} ${KEYS[data.tool]}`,
    })
    if (other || before.tool !== data.tool) this.say(HINTS[data.tool])
    this.fit()
  }

  /** Fit the paint to the room that the page has. */
  fit() {
    const box = this.frame.getBoundingClientRect()
    if (!this.data || !box.width) return
    this.unit = this.data.width / box.width // pixels of the picture in one of the screen
    this.canvas.width = Math.round(box.width * devicePixelRatio)
    this.canvas.height = Math.round(box.height * devicePixelRatio)
    this.draw()
  }

  /**
   * Return the colour of a class.
   * @param {number} classId
   * @returns {string}
   */
  colour(classId) {
    return this.data.classes[classId]?.[1] ?? "#fff"
  }

  /** Draw everything, and set the controls to the state of the drawing. */
  draw() {
    this.paint()
    this.drawBoxes()
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

  /** Paint polygons and strokes, each over the earlier ones. */
  paint() {
    const context = this.canvas.getContext("2d")
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.clearRect(0, 0, this.canvas.width, this.canvas.height)
    for (const shape of this.shapes) if (shape.kind !== "box") this.paintShape(shape)
    if (this.held?.stroke) this.paintShape(this.held.stroke)
  }

  /**
   * Paint a polygon or a stroke.
   * @param {Shape} shape
   */
  paintShape({ kind, classId, points, width }) {
    const context = this.canvas.getContext("2d")
    context.setTransform(this.canvas.width / this.data.width, 0, 0, this.canvas.height / this.data.height, 0, 0)
    context.globalCompositeOperation = classId === ERASER ? "destination-out" : "source-over"
    context.fillStyle = context.strokeStyle = this.colour(classId)
    Object.assign(context, { lineWidth: width ?? 1, lineCap: "round", lineJoin: "round" })
    context.beginPath()
    for (const [x, y] of points) context.lineTo(x, y)
    if (kind === "polygon") return context.fill("evenodd")
    if (points.length === 1) context.lineTo(points[0][0], points[0][1]) // a dot
    context.stroke()
  }

  /** Draw the boxes; their elements stay, so that the focus does. */
  drawBoxes() {
    const boxes = this.shapes.map((shape, index) => ({ shape, index })).filter(({ shape }) => shape.kind === "box")
    while (this.groups.length > boxes.length) this.groups.pop().group.remove()
    while (this.groups.length < boxes.length) this.groups.push(this.newGroup())
    boxes.forEach(({ shape, index }, at) => {
      const { group, parts } = this.groups[at]
      const [[left, top], [right, bottom]] = shape.points
      group.dataset.index = index
      group.style.setProperty("--class", this.colour(shape.classId))
      setAttributes(group, {
        class: `box ${index === this.selected ? "selected" : ""}`, "aria-label": this.nameOf(index), "aria-pressed": String(index === this.selected),
      })
      for (const part of [parts.under, parts.line, parts.whole]) {
        setAttributes(part, { x: left, y: top, width: right - left, height: bottom - top })
      }
      const above = top > 20 * this.unit
      setAttributes(parts.name, {
        x: left + (above ? 0 : 6 * this.unit), y: top + (above ? -6 : 20) * this.unit,
        "font-size": 15 * this.unit, "stroke-width": 3,
      })
      parts.name.textContent = this.data.classes[shape.classId]?.[0] ?? ""
      for (const [corner, [x, y]] of Object.entries(CORNERS)) {
        const place = { cx: shape.points[x][0], cy: shape.points[y][1] }
        setAttributes(parts[`${corner}Dot`], { ...place, r: index === this.selected ? DOT * this.unit : 0 })
        setAttributes(parts[corner], { ...place, r: REACH * this.unit })
      }
    })
  }

  /**
   * Create the elements of a box.
   * @returns {{group: any, parts: Record<string, any>}}
   */
  newGroup() {
    const group = svgElement("g", { class: "box", tabindex: 0, role: "button" })
    const parts = {}
    const add = (name, element) => group.append(parts[name] = element)
    for (const name of ["under", "line"]) add(name, svgElement("rect", { class: name }))
    add("whole", svgElement("rect", { class: "grip", "data-part": "whole" }))
    add("name", svgElement("text", { class: "name" }))
    for (const corner of Object.keys(CORNERS)) {
      add(`${corner}Dot`, svgElement("circle", { class: "dot" }))
      add(corner, svgElement("circle", { class: `grip ${corner}`, "data-part": corner }))
    }
    group.onfocus = () => this.select(Number(group.dataset.index))
    this.find(".boxes").append(group)
    return { group, parts }
  }

  /** Draw the polygon that is not closed yet. */
  drawDraft() {
    const draft = this.find(".draft")
    const corners = this.draft.length && this.hover && !this.held ? [...this.draft, this.hover] : this.draft
    for (const part of draft.querySelectorAll("polygon")) part.setAttribute("points", corners.join(" "))
    for (const dot of draft.querySelectorAll(".first, .corner")) dot.remove()
    this.draft.forEach(([cx, cy], index) => {
      const group = svgElement("g", { class: index ? "corner" : "first" })
      group.append(svgElement("circle", { class: "dot", cx, cy, r: (index ? 4 : 7) * this.unit }))
      draft.append(group)
    })
  }

  /**
   * Show the brush, or the pointer of the keyboard.
   * @param {Point | null} at
   */
  point(at) {
    const { tool, brush } = this.data
    const shown = at && (tool === "brush" || tool === "eraser" || (tool === "polygon" && at === this.cursor))
    for (const circle of this.find(".pointer").children) {
      setAttributes(circle, { cx: at?.[0] ?? 0, cy: at?.[1] ?? 0, r: shown ? (tool === "polygon" ? 5 * this.unit : brush / 2) : 0 })
      circle.style.display = shown ? "" : "none"
    }
  }

  /**
   * Return where a pointer is.
   * @param {PointerEvent} event
   * @returns {Point} Within the picture.
   */
  at(event) {
    const { width, height } = this.data
    const box = this.frame.getBoundingClientRect()
    return [
      rounded(clamp((event.clientX - box.left) / box.width * width, 0, width)),
      rounded(clamp((event.clientY - box.top) / box.height * height, 0, height)),
    ]
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
      if (this.draft.length > 2 && distance(at, this.draft[0]) < CLOSING * this.unit) return this.close()
      this.draft.push(at)
      this.held = { corner: true }
      this.draw()
    } else {
      this.beginStroke(at)
    }
  }

  /** @param {PointerEvent} event */
  drag(event) {
    if (!this.data) return
    const at = this.at(event)
    if (event.pointerType === "mouse") this.hover = at
    if (event.pointerType === "mouse" || this.held) this.point(at)
    if (!this.held) return this.drawDraft()
    if (!event.isPrimary || this.held.keyboard) return
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
    if (!this.held.moved && distance(at, from) < CLICK * this.unit) return
    this.held.moved = true
    if (part) {
      this.setBox(this.selected, this.movedBox(box, part, at[0] - from[0], at[1] - from[1]))
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
      this.commit(this.limited([...this.shapes, held.stroke]), held.stroke.classId === ERASER ? "Erased." : `Painted ${this.className()}.`)
    } else if (held.corner) {
      this.say(this.draftSentence())
      this.draw()
    } else if (!held.moved) {
      this.select(held.part && held.part !== "whole" ? this.selected : this.boxAt(held.from))
    } else {
      const next = this.shapes
      const [[left, top], [right, bottom]] = next[this.selected].points
      this.shapes = held.before
      if (right - left >= 1 && bottom - top >= 1) return this.commit(next, "")
      this.selected = -1
      this.draw()
    }
  }

  /** Take back what a drag has done: the browser has taken the pointer away. */
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
    this.paintShape(this.held.stroke)
    this.point(at)
  }

  /**
   * Let the stroke go on.
   * @param {Point} at
   */
  extend(at) {
    const { stroke } = this.held
    const last = stroke.points[stroke.points.length - 1]
    if (distance(at, last) < SPACING * this.unit) return
    stroke.points.push(at)
    this.paintShape({ ...stroke, points: [last, at] })
  }

  /**
   * Take over a new list of shapes, say so, and send it to Python.
   * @param {Shape[]} shapes
   * @param {string} sentence - Empty to describe the selected box.
   * @param {boolean} [soon] - Whether more of the kind may follow at once, as from a key that is held.
   */
  commit(shapes, sentence, soon = false) {
    if (!soon || !this.timer) this.history.push(this.shapes) // a row of key presses is undone at once
    this.shapes = shapes
    if (this.shapes[this.selected]?.kind !== "box") this.selected = -1
    this.say(sentence || this.boxSentence())
    this.send(soon)
  }

  /** @param {boolean} soon */
  send(soon) {
    clearTimeout(this.timer)
    this.timer = null
    const tell = () => {
      this.timer = null
      this.tell({ drawing: this.data.drawing, revision: this.data.revision, shapes: this.shapes })
    }
    if (soon) this.timer = setTimeout(tell, REST)
    else tell()
    this.draw()
  }

  /** Undo the last corner of an open polygon, or the last change; of a drawing that was there before, the last shape. */
  undo() {
    if (this.draft.length) {
      this.draft.pop()
      this.say(this.draftSentence())
      return this.draw()
    }
    if (!this.history.length && !this.shapes.length) return
    this.shapes = this.history.pop() ?? this.shapes.slice(0, -1)
    this.selected = -1
    const count = this.shapes.length
    this.say(`Undone. ${count || "Nothing"} ${count > 1 ? "shapes are" : count ? "shape is" : "is"} drawn.`)
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
    const shift = 0.04 * (this.groups.length % 8) // else it would cover the one before
    const points = [0.35, 0.65].map((at) => [rounded((at + shift) * width), rounded((at + shift) * height)])
    const next = this.limited([...this.shapes, /** @type {Shape} */ ({ kind: "box", classId, points })])
    this.selected = next.length - 1
    this.commit(next, "")
    this.groups.find(({ group }) => Number(group.dataset.index) === this.selected)?.group.focus({ preventScroll: true })
  }

  /** Remove the selected box. */
  remove() {
    if (this.selected < 0) return
    const name = this.nameOf(this.selected)
    const next = this.shapes.filter((_, index) => index !== this.selected)
    this.selected = -1
    this.commit(next, `${name} deleted.`)
    this.svg.focus({ preventScroll: true })
    this.say(`${name} deleted.`)
  }

  /**
   * Select a box.
   * @param {number} index - Of the shape; -1 for none.
   */
  select(index) {
    if (this.selected === index) return
    this.selected = index
    this.say(index < 0 ? HINTS[this.data.tool] : this.boxSentence())
    this.draw()
  }

  /**
   * Return the smallest box around a point.
   * @param {Point} at
   * @returns {number} Index of the shape; -1 if there is none.
   */
  boxAt(at) {
    let best = -1, smallest = Infinity
    this.shapes.forEach(({ kind, points: [low, high] }, index) => {
      if (kind !== "box" || at.some((value, axis) => value < low[axis] || value > high[axis])) return
      const area = (high[0] - low[0]) * (high[1] - low[1])
      if (area < smallest) [best, smallest] = [index, area]
    })
    return best
  }

  /**
   * Replace the corners of a box.
   * @param {number} index - Of the shape.
   * @param {Point[]} points
   */
  setBox(index, points) {
    this.shapes = this.shapes.map((shape, at) => at === index ? { ...shape, points } : shape)
  }

  /**
   * Return a box after a move, within the picture.
   * @param {Point[]} box
   * @param {string} part - "whole" or a corner, such as "nw".
   * @param {number} right - In pixels, as is `down`.
   * @param {number} down
   * @returns {Point[]}
   */
  movedBox([[left, top], [rightmost, bottom]], part, right, down) {
    const { width, height } = this.data
    if (part === "whole") {
      right = clamp(right, -left, width - rightmost)
      down = clamp(down, -top, height - bottom)
      return [[left + right, top + down], [rightmost + right, bottom + down]].map((at) => at.map(rounded))
    }
    const [x, y] = CORNERS[part]
    const xs = [left, rightmost], ys = [top, bottom]
    const least = Math.min(2, width, height)
    xs[x] = x ? clamp(xs[1] + right, left + least, width) : clamp(xs[0] + right, 0, rightmost - least)
    ys[y] = y ? clamp(ys[1] + down, top + least, height) : clamp(ys[0] + down, 0, bottom - least)
    return [[xs[0], ys[0]], [xs[1], ys[1]]].map((at) => at.map(rounded))
  }

  /** Take over the typed corners of the selected box. */
  type() {
    const { width, height } = this.data
    const typed = this.fields.map((field, index) => clamp(Number.parseFloat(field.value), 0, index % 2 ? height : width))
    const points = boxBetween([typed[0], typed[1]], [typed[2], typed[3]])
    if (!typed.every(Number.isFinite) || points[1][0] - points[0][0] < 1 || points[1][1] - points[0][1] < 1) {
      this.say("A box is at least one pixel wide and high: it is unchanged.")
      return this.draw()
    }
    const before = this.shapes
    this.setBox(this.selected, points)
    const next = this.shapes
    this.shapes = before
    this.commit(next, "")
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
    const corners = this.draft.filter((at, index) => !index || distance(at, this.draft[index - 1]) > CLICK * this.unit)
    if (this.data.tool !== "polygon" || corners.length < 3) return
    this.draft = []
    this.held = null
    const shape = /** @type {Shape} */ ({ kind: "polygon", classId: this.data.classId, points: corners })
    this.commit(this.limited([...this.shapes, shape]), `Polygon of ${corners.length} corners painted as ${this.className()}.`)
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
      if (event.key !== "Enter") this.say(this.draftSentence())
      this.draw()
    } else if (this.held) {
      this.release()
    } else if (event.key === " ") {
      this.beginStroke(this.placeCursor(), true)
      this.say("The brush is down: arrows paint, Space lifts it.")
    }
  }

  /**
   * Move the selected box by key; with Shift, its lower right corner.
   * @param {[number, number]} step
   * @param {boolean} resize
   */
  moveByKey([down, right], resize) {
    if (this.selected < 0) return
    const length = Math.max(1, Math.round(0.01 * Math.max(this.data.width, this.data.height)))
    const box = this.movedBox(this.shapes[this.selected].points, resize ? "se" : "whole", right * length, down * length)
    const next = this.shapes.map((shape, index) => index === this.selected ? { ...shape, points: box } : shape)
    this.commit(next, "", true)
  }

  /**
   * Move the pointer of the keyboard; with Shift, by less.
   * @param {[number, number]} step
   * @param {boolean} fine
   */
  moveCursor([down, right], fine) {
    const { width, height } = this.data
    const length = (fine ? 0.0025 : 0.02) * Math.max(width, height)
    const [x, y] = this.placeCursor()
    this.cursor = [rounded(clamp(x + right * length, 0, width)), rounded(clamp(y + down * length, 0, height))]
    if (this.held?.keyboard) this.extend(this.cursor)
    this.point(this.cursor)
    this.say(`At ${Math.round(this.cursor[0])}, ${Math.round(this.cursor[1])}.`)
  }

  /**
   * Return where the pointer of the keyboard is; at first, in the middle.
   * @returns {Point}
   */
  placeCursor() {
    this.cursor ??= [rounded(this.data.width / 2), rounded(this.data.height / 2)]
    return this.cursor
  }

  /** @returns {string} Name of the class that is drawn. */
  className() {
    return this.data.classes[this.data.classId]?.[0] || "it"
  }

  /**
   * Return the name of a box.
   * @param {number} index - Of the shape.
   * @returns {string}
   */
  nameOf(index) {
    const number = this.shapes.slice(0, index + 1).filter(({ kind }) => kind === "box").length
    const name = this.data.classes[this.shapes[index].classId]?.[0]
    const place = this.data.maxShapes === 1 ? "Box" : `Box ${number}`
    return name ? `${place}, ${name}` : place
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
  say(sentence) {
    if (this.status.textContent !== sentence) this.status.textContent = sentence
  }
}

/**
 * Show the picture.
 * @param {import("./shared.js").Component<Data>} component
 */
export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  parentElement.annotator ??= new Annotator(parentElement.querySelector(".annotator"))
  parentElement.annotator.show(data, (value) => setTriggerValue("drawn", value))
  return () => {
    parentElement.annotator?.observer.disconnect()
    clearTimeout(parentElement.annotator?.timer)
    parentElement.annotator?.find(".boxes").replaceChildren()
    parentElement.annotator = null
  }
}
