// The layers of the annotator over its picture: paint on a canvas; boxes, the open polygon and the pointer in SVG.

import { CORNERS, ERASER } from "./annotation_shapes.js"
import { setAttributes, svgElement } from "./shared.js"

const DOT_RADIUS = 6, GRIP_RADIUS = 22 // CSS pixels: a corner as it is drawn, and as it is caught

/**
 * @typedef {import("./annotation_shapes.js").Point} Point
 * @typedef {import("./annotation_shapes.js").Shape} Shape
 */

/** Everything that is drawn over the picture. */
export class Layers {
  /** @param {HTMLElement} frame - Around the picture, the canvas and the SVG. */
  constructor(frame) {
    this.frame = frame
    this.canvas = frame.querySelector("canvas")
    this.find = (selector) => frame.querySelector(selector)
    /** @type {[string, string][]} */
    this.classes = [] // name and colour of each class
    /** @type {{group: any, parts: Record<string, any>}[]} */
    this.groups = [] // the elements of each box
    this.size = [1, 1] // width and height of the picture
    this.unit = 1 // pixels of the picture in one of the screen
  }

  /**
   * Fit the layers to the room that the page has.
   * @param {Point} size - Width and height of the picture.
   * @param {[string, string][]} classes - Name and colour of each class.
   * @returns {boolean} Whether there is any room.
   */
  fit(size, classes) {
    const { width, height } = this.frame.getBoundingClientRect()
    if (!width) return false
    Object.assign(this, { size, classes, unit: size[0] / width })
    this.canvas.width = Math.round(width * devicePixelRatio)
    this.canvas.height = Math.round(height * devicePixelRatio)
    return true
  }

  /**
   * Return the colour of a class.
   * @param {number} classId
   * @returns {string}
   */
  colour(classId) {
    return this.classes[classId]?.[1] ?? "#fff"
  }

  /**
   * Paint polygons and strokes anew, each over the earlier ones.
   * @param {Shape[]} shapes
   */
  paint(shapes) {
    const context = this.canvas.getContext("2d")
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.clearRect(0, 0, this.canvas.width, this.canvas.height)
    for (const shape of shapes) if (shape.kind !== "box") this.paintShape(shape)
  }

  /**
   * Paint a polygon or a stroke.
   * @param {Shape} shape
   */
  paintShape({ kind, classId, points, width }) {
    const context = this.canvas.getContext("2d")
    context.setTransform(this.canvas.width / this.size[0], 0, 0, this.canvas.height / this.size[1], 0, 0)
    context.globalCompositeOperation = classId === ERASER ? "destination-out" : "source-over"
    context.fillStyle = context.strokeStyle = this.colour(classId)
    Object.assign(context, { lineWidth: width ?? 1, lineCap: "round", lineJoin: "round" })
    context.beginPath()
    for (const [x, y] of points) context.lineTo(x, y)
    if (kind === "polygon") return context.fill("evenodd")
    if (points.length === 1) context.lineTo(points[0][0], points[0][1]) // a dot
    context.stroke()
  }

  /**
   * Draw the boxes; their elements stay, so that the focus does.
   * @param {Shape[]} shapes - Of all kinds.
   * @param {number} selected - Index of the selected box; -1 for none.
   * @param {(index: number) => string} nameOf - Returns the name of a box for screen readers.
   * @param {(index: number) => void} select - Called when a box gets the focus.
   */
  drawBoxes(shapes, selected, nameOf, select) {
    const indices = [...shapes.keys()].filter((index) => shapes[index].kind === "box")
    while (this.groups.length > indices.length) this.groups.pop().group.remove()
    while (this.groups.length < indices.length) this.groups.push(this.newGroup())
    this.groups.forEach(({ group, parts }, order) => {
      const index = indices[order]
      const { classId, points } = shapes[index]
      group.onfocus = () => select(index)
      group.style.setProperty("--class", this.colour(classId))
      setAttributes(group, {
        class: index === selected ? "box selected" : "box",
        "aria-label": nameOf(index),
        "aria-pressed": String(index === selected),
      })
      this.positionBox(parts, points, index === selected ? DOT_RADIUS : 0)
      parts.name.textContent = this.classes[classId]?.[0] ?? ""
    })
  }

  /**
   * Move the elements of a box.
   * @param {Record<string, any>} parts
   * @param {Point[]} box
   * @param {number} dot - Radius of its corners in CSS pixels.
   */
  positionBox(parts, [[left, top], [right, bottom]], dot) {
    for (const part of [parts.under, parts.line, parts.whole]) {
      setAttributes(part, { x: left, y: top, width: right - left, height: bottom - top })
    }
    const above = top > 20 * this.unit
    setAttributes(parts.name, {
      x: left + (above ? 0 : 6 * this.unit),
      y: top + (above ? -6 : 20) * this.unit,
      "font-size": 15 * this.unit,
      "stroke-width": 3,
    })
    for (const [corner, [x, y]] of Object.entries(CORNERS)) {
      const centre = { cx: x ? right : left, cy: y ? bottom : top }
      setAttributes(parts[`${corner}Dot`], { ...centre, r: dot * this.unit })
      setAttributes(parts[corner], { ...centre, r: GRIP_RADIUS * this.unit })
    }
  }

  /**
   * Create the elements of a box.
   * @returns {{group: any, parts: Record<string, any>}}
   */
  newGroup() {
    const group = svgElement("g", { tabindex: 0, role: "button" })
    /** @type {Record<string, any>} */
    const parts = {}
    const add = (name, element) => group.append(parts[name] = element)
    for (const name of ["under", "line"]) add(name, svgElement("rect", { class: name }))
    add("whole", svgElement("rect", { class: "grip", "data-part": "whole" }))
    add("name", svgElement("text", { class: "name" }))
    for (const corner of Object.keys(CORNERS)) {
      add(`${corner}Dot`, svgElement("circle", { class: "dot" }))
      add(corner, svgElement("circle", { class: `grip ${corner}`, "data-part": corner }))
    }
    this.find(".boxes").append(group)
    return { group, parts }
  }

  /**
   * Draw the polygon that is not closed yet.
   * @param {Point[]} corners
   * @param {Point | null} next - Where the mouse is; null for none.
   */
  drawDraft(corners, next) {
    const draft = this.find(".draft")
    const all = corners.length && next ? [...corners, next] : corners
    for (const part of draft.querySelectorAll("polygon")) part.setAttribute("points", all.join(" "))
    for (const dot of draft.querySelectorAll("circle")) dot.remove()
    draft.append(...corners.map(([cx, cy], index) => (
      svgElement("circle", { class: index ? "dot" : "dot first", cx, cy, r: (index ? 4 : 7) * this.unit })
    )))
  }

  /**
   * Show the brush, or the pointer of the keyboard.
   * @param {Point | null} position - Null for none.
   * @param {number} radius - In pixels of the picture.
   */
  movePointer(position, radius) {
    this.find(".pointer").style.display = position ? "" : "none"
    if (!position) return
    for (const circle of this.find(".pointer").children) setAttributes(circle, { cx: position[0], cy: position[1], r: radius })
  }

  /** Remove all that would outlive the component. */
  release() {
    this.find(".boxes").replaceChildren()
    this.find(".draft").querySelectorAll("circle").forEach((dot) => dot.remove())
    this.groups = []
  }
}
