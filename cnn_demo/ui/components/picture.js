// A picture drawn to scale, with rectangles marked on it, on which one can pick a pixel by click, tap or arrow keys.

import { arrowStep, clamp, cleanUpOfCall, heightInWindow, svgElement } from "./shared.js"

const SMALL_SCALE = 0.5 // below it, effects of a few pixels can no longer be seen
const SMALLEST_MARK = 9 // CSS pixels: a smaller rectangle gets a ring around it, or nobody would find it

/**
 * @typedef {object} Picture
 * @property {string} src
 * @property {number} height - In pixels of the picture, as are width, marks and step.
 * @property {number} width
 * @property {string} alt
 * @property {string} caption
 * @property {string} smallNote - Added to the caption of a picture drawn small; {scale} is its scale.
 * @property {number} roomHeight - Size of the larger picture of the row, which the same room is kept for.
 * @property {number} roomWidth
 * @property {number} zoom
 * @property {number} maxHeight - In CSS pixels.
 * @property {{row: number, column: number, height: number, width: number}[]} marks
 * @property {{corners: import("./shared.js").Box, label: string, colour: string, width: number}[]} boxes
 * @property {number | null} focus - Index of the box outside of which the picture is dimmed.
 * @property {boolean} clickable
 * @property {[number, number]} step - Rows and columns that an arrow key moves by.
 * @property {[number, number, number, number]} area - Rows (first, end) and columns (first, end) that can be picked.
 * @property {boolean} pixelated
 *
 * @typedef {{row: number, column: number}} Point
 */

/**
 * Draw the marks, each twice: a dark line under a light one.
 * @param {SVGElement} svg
 * @param {Picture} picture
 * @param {HTMLElement} frame
 */
function draw(svg, picture, frame) {
  svg.setAttribute("viewBox", `0 0 ${picture.width} ${picture.height}`)
  svg.replaceChildren()
  const scale = frame.clientWidth / picture.width || 1
  drawBoxes(svg, picture)
  writeLabels(frame.querySelector(".labels"), picture, scale)
  for (const mark of picture.marks) {
    for (const layer of ["under", "over"]) {
      const { column: x, row: y, width, height } = mark
      svg.append(svgElement("rect", { x, y, width, height, class: layer }))
      if (Math.max(width, height) * scale < SMALLEST_MARK) {
        const ring = { cx: x + width / 2, cy: y + height / 2, r: SMALLEST_MARK / scale, class: layer }
        svg.append(svgElement("circle", ring))
      }
    }
  }
}

/**
 * Return black or white, whichever is easier to read on a colour (WCAG's relative luminance).
 * @param {string} colour - "#rrggbb".
 * @returns {string}
 */
function textColourOn(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff"
}

/**
 * Draw the boxes, each with a dark line under it, and dim the picture outside of the focused one.
 * @param {SVGElement} svg
 * @param {Picture} picture
 */
function drawBoxes(svg, picture) {
  if (picture.focus !== null) {
    const [x1, y1, x2, y2] = picture.boxes[picture.focus].corners
    const outside = `M0 0H${picture.width}V${picture.height}H0Z M${x1} ${y1}V${y2}H${x2}V${y1}Z`
    svg.append(svgElement("path", { d: outside, class: "dim", "fill-rule": "evenodd" }))
  }
  for (const { corners: [x, y, x2, y2], colour, width } of picture.boxes) {
    const rectangle = { x, y, width: Math.max(x2 - x, 0), height: Math.max(y2 - y, 0) }
    svg.append(svgElement("rect", { ...rectangle, class: "shadow", "stroke-width": width + 2 }))
    svg.append(svgElement("rect", { ...rectangle, stroke: colour, "stroke-width": width }))
  }
}

/**
 * Write the labels of the boxes where they cover no other label: above the box, inside it, or below.
 * @param {HTMLElement} labels
 * @param {Picture} picture
 * @param {number} scale - CSS pixels of a pixel of the picture.
 */
function writeLabels(labels, picture, scale) {
  labels.replaceChildren()
  const available = { width: picture.width * scale, height: picture.height * scale }
  const occupied = []
  for (const { corners, label, colour } of [...picture.boxes].reverse()) {
    if (!label) continue
    const span = document.createElement("span")
    span.textContent = label
    span.style.background = colour
    span.style.color = textColourOn(colour)
    labels.append(span)
    const { offsetWidth: width, offsetHeight: height } = span
    const [left, top, right, bottom] = corners.map((value) => value * scale)
    const x = clamp(left, 0, Math.max(available.width - width, 0))
    const end = clamp(right - width, 0, Math.max(available.width - width, 0))
    const candidates = [[x, top - height], [x, top], [end, top - height], [end, top], [x, bottom - height], [x, bottom]]
    const free = candidates.find(([px, py]) => py >= 0 && py + height <= available.height && !occupied.some((other) =>
      px < other.x + other.width && other.x < px + width && py < other.y + other.height && other.y < py + height))
    if (!free && occupied.length) { span.remove(); continue } // the table beside the picture names it
    const [px, py] = free ?? [x, clamp(top, 0, Math.max(available.height - height, 0))]
    span.style.left = `${px}px`
    span.style.top = `${py}px`
    occupied.push({ x: px, y: py, width, height })
  }
}

/**
 * Size the picture to the room that the page has, and draw its marks.
 * @param {HTMLElement} parentElement
 * @param {Picture} picture
 */
function fit(parentElement, picture) {
  const stage = parentElement.querySelector(".stage")
  const frame = parentElement.querySelector(".frame")
  // Room for the larger picture of the row: its width, or the width that its greatest height allows.
  const available = Math.min(stage.clientWidth, heightInWindow(picture.maxHeight) * picture.roomWidth / picture.roomHeight)
  const width = available * picture.width * picture.zoom / picture.roomWidth
  frame.style.width = `${width}px`
  frame.style.height = `${width * picture.height / picture.width}px`
  draw(parentElement.querySelector("svg"), picture, frame)
  writeCaption(parentElement.querySelector("figcaption"), picture, width / picture.width)
}

/**
 * Write the caption, with the scale if the picture is drawn so small that details disappear.
 * @param {HTMLElement} element
 * @param {Picture} picture
 * @param {number} scale - CSS pixels of a pixel of the picture.
 */
function writeCaption(element, picture, scale) {
  const small = picture.smallNote && scale > 0 && scale < SMALL_SCALE
  const note = small ? ` ${picture.smallNote.replace("{scale}", `${Math.max(1, Math.round(scale * 100))}%`)}` : ""
  if (element.textContent !== picture.caption + note) element.textContent = picture.caption + note
}

/**
 * Return the pixel under the pointer.
 * @param {MouseEvent} event
 * @param {HTMLElement} frame
 * @param {Picture} picture
 * @returns {Point}
 */
function pixelAt(event, frame, picture) {
  const box = frame.getBoundingClientRect()
  return inside(picture, {
    row: Math.floor((event.clientY - box.top) / box.height * picture.height),
    column: Math.floor((event.clientX - box.left) / box.width * picture.width),
  })
}

/**
 * Return the nearest pixel that can be picked.
 * @param {Picture} picture
 * @param {Point} point
 * @returns {Point}
 */
function inside({ area: [top, bottom, left, right] }, { row, column }) {
  return { row: clamp(row, top, bottom - 1), column: clamp(column, left, right - 1) }
}

/**
 * Return the centre of the first mark, or of the picture if it has none.
 * @param {Picture} picture
 * @returns {Point}
 */
function centre(picture) {
  const mark = picture.marks[0]
  return mark
    ? { row: mark.row + Math.floor(mark.height / 2), column: mark.column + Math.floor(mark.width / 2) }
    : { row: picture.height >> 1, column: picture.width >> 1 }
}

/**
 * Return the picked pixels that the page has not marked yet: none if it has marked another one.
 * @param {Point[]} picked - In order.
 * @param {Point} marked
 * @returns {Point[]}
 */
function stillUnmarked(picked, marked) {
  const at = picked.findIndex(({ row, column }) => row === marked.row && column === marked.column)
  return at < 0 ? [] : picked.slice(at + 1)
}

/**
 * Return the pixel that an arrow key moves to.
 * @param {KeyboardEvent} event - With Shift, the step is ten times as large.
 * @param {[number, number]} direction - Rows down and columns to the right, each -1, 0 or 1.
 * @param {Picture} picture
 * @param {Point} from
 * @returns {Point}
 */
function moved(event, [rows, columns], picture, from) {
  const step = event.shiftKey ? 10 : 1
  return inside(picture, {
    row: from.row + rows * step * picture.step[0],
    column: from.column + columns * step * picture.step[1],
  })
}

/**
 * Show the picture.
 * @param {import("./shared.js").Component<Picture>} component
 */
export default function mount(component) {
  const { data: picture, parentElement, setTriggerValue } = component
  const frame = parentElement.querySelector(".frame")
  const img = parentElement.querySelector("img")

  if (img.getAttribute("src") !== picture.src) img.src = picture.src
  // Most often only the pixels have changed. Measuring the page again would hold up the frame that shows them.
  const { src, ...rest } = picture
  const layout = JSON.stringify(rest)
  const cleanUp = cleanUpOfCall(component, mount, () => release(parentElement))
  if (parentElement.layout === layout) return cleanUp
  parentElement.layout = layout
  const marks = JSON.stringify(picture.marks)
  if (parentElement.marks !== marks) parentElement.picked = stillUnmarked(parentElement.picked ?? [], centre(picture))
  parentElement.marks = marks

  img.alt = picture.alt
  img.classList.toggle("pixelated", picture.pixelated)
  frame.classList.toggle("clickable", picture.clickable)
  fit(parentElement, picture)

  if (picture.clickable) {
    frame.tabIndex = 0
    frame.setAttribute("role", "application")
    frame.setAttribute("aria-label", `${picture.alt} Click, or move with the arrow keys, to pick a pixel.`)
    const pick = (/** @type {Point} */ point) => {
      parentElement.picked.push(point)
      setTriggerValue("point", point)
    }
    frame.onclick = (event) => pick(pixelAt(event, frame, picture))
    frame.onkeydown = (event) => {
      const direction = arrowStep(event) // the page may still compute: the next step is from the pixel picked last
      if (direction) pick(moved(event, direction, picture, parentElement.picked.at(-1) ?? centre(picture)))
    }
  } else {
    frame.removeAttribute("tabindex")
    frame.removeAttribute("role")
    frame.onclick = frame.onkeydown = null
  }

  parentElement.picture = picture
  if (!parentElement.observer) {
    parentElement.observer = new ResizeObserver(() => fit(parentElement, parentElement.picture))
    parentElement.observer.observe(parentElement.querySelector(".stage"))
  }
  return cleanUp
}

/**
 * End the observer of a picture that has left the page.
 * @param {any} parentElement
 */
function release(parentElement) {
  parentElement.observer?.disconnect()
  parentElement.observer = parentElement.layout = null
}
