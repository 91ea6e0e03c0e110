// A picture drawn to scale, with rectangles marked on it, on which one can pick a pixel by click, tap or arrow keys.

import { arrowStep, clamp, heightInWindow, svgElement } from "./shared.js"

const SMALLEST_MARK = 9 // CSS pixels: a smaller rectangle gets a ring around it, or nobody would find it

/**
 * @typedef {object} Picture
 * @property {string} src
 * @property {number} height - In pixels of the picture, as are width, marks and step.
 * @property {number} width
 * @property {string} alt
 * @property {string} caption
 * @property {number} roomHeight - Size of the larger picture of the row, which the same room is kept for.
 * @property {number} roomWidth
 * @property {number} zoom
 * @property {number} maxHeight - In CSS pixels.
 * @property {{row: number, column: number, height: number, width: number}[]} marks
 * @property {boolean} clickable
 * @property {[number, number]} step - Rows and columns that an arrow key moves by.
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
 * Size the picture to the room that the page has, and draw its marks.
 * @param {HTMLElement} parentElement
 * @param {Picture} picture
 */
function fit(parentElement, picture) {
  const stage = parentElement.querySelector(".stage")
  const frame = parentElement.querySelector(".frame")
  // Room for the larger picture of the row: its width, or the width that its greatest height allows.
  const room = Math.min(stage.clientWidth, heightInWindow(picture.maxHeight) * picture.roomWidth / picture.roomHeight)
  const width = room * picture.width * picture.zoom / picture.roomWidth
  frame.style.width = `${width}px`
  frame.style.height = `${width * picture.height / picture.width}px`
  draw(parentElement.querySelector("svg"), picture, frame)
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
  return {
    row: clamp(Math.floor((event.clientY - box.top) / box.height * picture.height), 0, picture.height - 1),
    column: clamp(Math.floor((event.clientX - box.left) / box.width * picture.width), 0, picture.width - 1),
  }
}

/**
 * Return the pixel that an arrow key moves to from the first mark.
 * @param {KeyboardEvent} event - With Shift, the step is ten times as large.
 * @param {[number, number]} direction - Rows down and columns to the right, each -1, 0 or 1.
 * @param {Picture} picture
 * @returns {Point}
 */
function moved(event, [rows, columns], picture) {
  const mark = picture.marks[0]
  const step = event.shiftKey ? 10 : 1
  const from = mark
    ? { row: mark.row + Math.floor(mark.height / 2), column: mark.column + Math.floor(mark.width / 2) }
    : { row: picture.height >> 1, column: picture.width >> 1 }
  return {
    row: clamp(from.row + rows * step * picture.step[0], 0, picture.height - 1),
    column: clamp(from.column + columns * step * picture.step[1], 0, picture.width - 1),
  }
}

/**
 * Show the picture.
 * @param {import("./shared.js").Component<Picture>} component
 */
export default function (component) {
  const { data: picture, parentElement, setTriggerValue } = component
  const frame = parentElement.querySelector(".frame")
  const img = parentElement.querySelector("img")

  if (img.getAttribute("src") !== picture.src) img.src = picture.src
  // Most often only the pixels have changed. Measuring the page again would hold up the frame that shows them.
  const { src, ...rest } = picture
  const layout = JSON.stringify(rest)
  if (parentElement.layout === layout) return parentElement.release
  parentElement.layout = layout

  img.alt = picture.alt
  img.classList.toggle("pixelated", picture.pixelated)
  parentElement.querySelector("figcaption").textContent = picture.caption
  frame.classList.toggle("clickable", picture.clickable)
  fit(parentElement, picture)

  if (picture.clickable) {
    frame.tabIndex = 0
    frame.setAttribute("role", "application")
    frame.setAttribute("aria-label", `${picture.alt} Click, or move with the arrow keys, to pick a pixel.`)
    frame.onclick = (event) => setTriggerValue("point", pixelAt(event, frame, picture))
    frame.onkeydown = (event) => {
      const direction = arrowStep(event)
      if (direction) setTriggerValue("point", moved(event, direction, picture))
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
  parentElement.release = () => {
    parentElement.observer?.disconnect()
    parentElement.observer = parentElement.layout = null
  }
  return parentElement.release
}
