// Two boxes on a picture, to be dragged; their intersection, IoU and its relatives follow the pointer.
// The formulas are those of cnn_demo/models/boxes.py, where their sources stand.

import { arrowStep, clamp, cleanUpOfCall, heightInWindow, keepTouch, setAttributes, svgElement } from "./shared.js"

const EPSILON = 1e-7
const MIN_SIDE_FRACTION = 0.03 // of the picture's shorter side: how narrow a box can be dragged
const DOT_RADIUS = 6, GRIP_RADIUS = 20 // CSS pixels: a corner as it is drawn, and as it is caught
const NOTIFY_DELAY = 250 // milliseconds after the last key press until Python is notified
const CORNERS = { nw: [0, 1], ne: [2, 1], sw: [0, 3], se: [2, 3] }

/**
 * @typedef {import("./shared.js").Box} Box
 *
 * @typedef {object} Data
 * @property {string} src
 * @property {number} height - In pixels, as are width and boxes.
 * @property {number} width
 * @property {Box[]} boxes - Two boxes.
 * @property {string[]} names - Names of the boxes.
 * @property {string} alt
 * @property {string} caption
 * @property {number} maxHeight - In CSS pixels.
 *
 * @typedef {object} Measures
 * @property {Box | null} overlap - The intersection; null if there is none.
 * @property {Box} enclosing - The smallest box around both.
 * @property {number} intersection - Area in square pixels.
 * @property {number} union - Area in square pixels.
 * @property {number} iou
 * @property {number} giou
 * @property {number} diou
 * @property {number} ciou
 */

/**
 * Return the area of a box.
 * @param {Box} box
 * @returns {number}
 */
const area = (box) => Math.max(box[2] - box[0], 0) * Math.max(box[3] - box[1], 0)

/**
 * Return IoU and its relatives.
 * @param {Box} a
 * @param {Box} b
 * @returns {Measures}
 */
export function measures(a, b) {
  const overlap = [Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]
  const enclosing = [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])]
  const intersects = overlap[2] > overlap[0] && overlap[3] > overlap[1]
  const intersection = intersects ? area(overlap) : 0
  const union = area(a) + area(b) - intersection
  const iou = intersection / union
  const giou = iou - (area(enclosing) - union) / area(enclosing)
  const across = (a[0] + a[2] - b[0] - b[2]) / 2, down = (a[1] + a[3] - b[1] - b[3]) / 2
  const diagonal = (enclosing[2] - enclosing[0]) ** 2 + (enclosing[3] - enclosing[1]) ** 2 + EPSILON
  const diou = iou - (across ** 2 + down ** 2) / diagonal
  const slope = (box) => Math.atan((box[2] - box[0]) / (box[3] - box[1]))
  const v = 4 / Math.PI ** 2 * (slope(a) - slope(b)) ** 2
  const ciou = diou - v / (1 - iou + v + EPSILON) * v
  return { overlap: intersects ? overlap : null, enclosing, intersection, union, iou, giou, diou, ciou }
}

/**
 * Append an SVG element.
 * @param {Element} parent
 * @param {string} name - Such as "rect".
 * @param {Record<string, string | number>} attributes
 * @returns {any}
 */
function add(parent, name, attributes) {
  const element = svgElement(name, attributes)
  parent.append(element)
  return element
}

/**
 * Move a rectangle to a box.
 * @param {Element} element
 * @param {Box} box
 */
function setRectangle(element, [x, y, right, bottom]) {
  setAttributes(element, { x, y, width: Math.max(right - x, 0), height: Math.max(bottom - y, 0) })
}

/** The picture, its two boxes and their measures. */
class Pair {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root
    this.svg = root.querySelector("svg")
    this.frame = root.querySelector(".frame")
    this.around = add(this.svg, "rect", { class: "around" })
    this.shade = add(this.svg, "rect", { class: "shade" })
    this.centres = add(this.svg, "line", { class: "centres" })
    this.groups = ["first", "second"].map((name, index) => this.group(name, index))
    this.svg.addEventListener("pointerdown", (event) => this.grab(event))
    this.svg.addEventListener("pointermove", (event) => this.drag(event))
    for (const end of ["pointerup", "pointercancel"]) this.svg.addEventListener(end, () => this.endDrag())
    this.observer = new ResizeObserver(() => this.fit())
    this.observer.observe(root.querySelector(".stage"))
  }

  /**
   * Create the elements of a box.
   * @param {string} name - Class of the group.
   * @param {number} index - Of the box, 0 or 1.
   * @returns {{group: SVGElement, parts: Record<string, any>}}
   */
  group(name, index) {
    const group = add(this.svg, "g", { class: `box ${name}`, tabindex: 0, role: "button" })
    const parts = { under: add(group, "rect", { class: "under" }), line: add(group, "rect", { class: "line" }) }
    parts.whole = add(group, "rect", { class: "grip" })
    parts.whole.dataset.part = "whole"
    keepTouch(parts.whole)
    parts.name = add(group, "text", { class: "name" })
    for (const corner of Object.keys(CORNERS)) {
      parts[`${corner}Dot`] = add(group, "circle", { class: "dot" })
      parts[corner] = add(group, "circle", { class: `grip ${corner}` })
      parts[corner].dataset.part = corner
      keepTouch(parts[corner])
    }
    group.addEventListener("keydown", (event) => this.press(event, index))
    return { group, parts }
  }

  /**
   * Take over new data.
   * @param {Data} data
   * @param {(boxes: Box[]) => void} notify - Sends the boxes to Python.
   */
  show(data, notify) {
    this.data = data
    this.notify = notify
    // While a box is held, or a move has not been answered yet, the visitor's boxes are the newer ones.
    if (!this.held && !this.timer) this.boxes = data.boxes.map((box) => [...box])
    this.groups.forEach(({ group, parts }, index) => {
      parts.name.textContent = data.names[index]
      group.setAttribute("aria-label", `Box ${data.names[index]}. Arrow keys move it; with Shift, its lower right corner.`)
    })
    this.svg.setAttribute("aria-label", data.alt)
    this.root.querySelector("caption").textContent = data.caption
    this.fit()
  }

  /** Size the picture to the room that the page has. */
  fit() {
    if (!this.data) return
    const { width, height, maxHeight } = this.data
    const available = Math.min(this.root.querySelector(".stage").clientWidth, heightInWindow(maxHeight) * width / height)
    this.frame.style.width = `${available}px`
    this.frame.style.height = `${available * height / width}px`
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`)
    this.unit = width / (available || 1) // pixels of the picture in one of the screen
    this.draw()
  }

  /** Draw the boxes and write their measures. */
  draw() {
    const [a, b] = this.boxes
    const measured = measures(a, b)
    setRectangle(this.around, measured.enclosing)
    setRectangle(this.shade, measured.overlap ?? [0, 0, 0, 0])
    setAttributes(this.centres, {
      x1: (a[0] + a[2]) / 2, y1: (a[1] + a[3]) / 2, x2: (b[0] + b[2]) / 2, y2: (b[1] + b[3]) / 2,
    })
    this.groups.forEach(({ parts }, index) => {
      const box = this.boxes[index]
      for (const part of [parts.under, parts.line, parts.whole]) setRectangle(part, box)
      setAttributes(parts.name, {
        x: box[0] + 10 * this.unit, y: box[1] + 24 * this.unit,
        "font-size": 18 * this.unit, "stroke-width": 3 * this.unit,
      })
      for (const [corner, [x, y]] of Object.entries(CORNERS)) {
        for (const [part, radius] of [[parts[`${corner}Dot`], DOT_RADIUS], [parts[corner], GRIP_RADIUS]]) {
          setAttributes(part, { cx: box[x], cy: box[y], r: radius * this.unit })
        }
      }
    })
    this.writeMeasures(measured)
  }

  /**
   * Write the measures into the table.
   * @param {Measures} measured
   */
  writeMeasures(measured) {
    const body = this.root.querySelector("tbody")
    const rows = [["IoU", measured.iou], ["GIoU", measured.giou], ["DIoU", measured.diou], ["CIoU", measured.ciou]]
    const pixels = (value) => `${Math.round(value).toLocaleString("en")} px²`
    if (!body.rows.length) {
      for (const [name] of rows) {
        const row = body.insertRow()
        row.className = name === "IoU" ? "main" : ""
        row.innerHTML = `<th scope="row">${name}</th><td></td><td class="bar"><span class="track"><span></span><i></i></span></td>`
      }
      for (const name of ["Intersection", "Union", "Dashed box"]) {
        body.insertRow().innerHTML = `<th scope="row">${name}</th><td colspan="2"></td>`
      }
    }
    rows.forEach(([, value], index) => {
      body.rows[index].cells[1].textContent = value.toFixed(3).replace("-", "−")
      const bar = body.rows[index].querySelector(".track span")
      bar.style.left = `${50 + 50 * Math.min(value, 0)}%` // the track goes from −1 over 0 to 1
      bar.style.width = `${50 * Math.abs(value)}%`
    })
    body.rows[4].cells[1].textContent = pixels(measured.intersection)
    body.rows[5].cells[1].textContent = pixels(measured.union)
    body.rows[6].cells[1].textContent = pixels(area(measured.enclosing))
  }

  /**
   * Return the pointer's position, x and y in pixels of the picture.
   * @param {PointerEvent} event
   * @returns {[number, number]}
   */
  at(event) {
    const box = this.frame.getBoundingClientRect()
    return [(event.clientX - box.left) * this.unit, (event.clientY - box.top) * this.unit]
  }

  /**
   * Begin to drag a corner or a whole box.
   * @param {any} event - The PointerEvent.
   */
  grab(event) {
    const part = event.target.dataset?.part
    if (!part) return
    const index = this.groups.findIndex(({ group }) => group.contains(event.target))
    this.groups[index].group.focus({ preventScroll: true })
    this.held = { index, part, from: this.at(event), box: [...this.boxes[index]] }
    this.svg.setPointerCapture(event.pointerId)
    event.preventDefault()
  }

  /** @param {PointerEvent} event */
  drag(event) {
    if (!this.held) return
    const { index, part, from, box } = this.held
    const to = this.at(event)
    this.move(index, part, box, to[0] - from[0], to[1] - from[1])
  }

  /**
   * Move a box, or one of its corners, within the picture.
   * @param {number} index - Of the box, 0 or 1.
   * @param {string} part - "whole" or a corner, such as "nw".
   * @param {Box} box - The box before the move.
   * @param {number} right - In pixels, as is `down`.
   * @param {number} down
   */
  move(index, part, box, right, down) {
    const { width, height } = this.data
    const next = [...box]
    if (part === "whole") {
      right = clamp(right, -box[0], width - box[2])
      down = clamp(down, -box[1], height - box[3])
      next[0] += right; next[2] += right; next[1] += down; next[3] += down
    } else {
      const minSide = MIN_SIDE_FRACTION * Math.min(width, height)
      const [x, y] = CORNERS[part]
      next[x] = x === 0 ? clamp(box[0] + right, 0, box[2] - minSide) : clamp(box[2] + right, box[0] + minSide, width)
      next[y] = y === 1 ? clamp(box[1] + down, 0, box[3] - minSide) : clamp(box[3] + down, box[1] + minSide, height)
    }
    this.boxes[index] = next
    this.draw()
  }

  /** End a drag, and send the boxes to Python. */
  endDrag() {
    if (!this.held) return
    this.held = null
    this.notify(this.boxes)
  }

  /** Remove all that would outlive the component. */
  release() {
    this.observer.disconnect()
    clearTimeout(this.timer)
    this.svg.replaceChildren()
  }

  /**
   * Move a box by an arrow key; with Shift, its lower right corner.
   * @param {KeyboardEvent} event
   * @param {number} index - Of the box, 0 or 1.
   */
  press(event, index) {
    const direction = arrowStep(event)
    if (!direction) return
    const step = Math.max(1, Math.round(0.01 * Math.max(this.data.width, this.data.height)))
    const [down, right] = direction.map((sign) => sign * step)
    this.move(index, event.shiftKey ? "se" : "whole", this.boxes[index], right, down)
    clearTimeout(this.timer)
    this.timer = setTimeout(() => { this.timer = null; this.notify(this.boxes) }, NOTIFY_DELAY)
  }
}

/**
 * Show the boxes.
 * @param {import("./shared.js").Component<Data>} component
 */
export default function mount(component) {
  const { data, parentElement, setTriggerValue } = component
  const img = parentElement.querySelector("img")
  if (img.getAttribute("src") !== data.src) img.src = data.src
  img.alt = data.alt
  parentElement.pair ??= new Pair(parentElement)
  parentElement.pair.show(data, (boxes) => setTriggerValue("boxes", boxes))
  return cleanUpOfCall(component, mount, () => {
    parentElement.pair?.release()
    parentElement.pair = null
  })
}
