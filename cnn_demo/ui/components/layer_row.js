// Layers in a row, all at one scale: a photo, and how its maps shrink and multiply. A radio group in drawings.

import { cleanUpOfCall, markChosen, onNewWidth, pickByArrow, radioButton, svgElement } from "./shared.js"

const PLATE = 2 // CSS pixels from one map to the one behind it
const TALLEST = 190
const NARROWEST = 72 // a label's room
const GAP = 22

/**
 * @typedef {object} Volume
 * @property {string} title
 * @property {string} src - Data URL of the front map.
 * @property {string} alt
 * @property {[number, number, number]} shape - Height, width and number of maps.
 * @property {number} index - Position in the row; 0 is the photo.
 *
 * @typedef {object} Data
 * @property {Volume[]} volumes - Without `index`.
 * @property {number | null} chosen - Index of the chosen volume.
 * @property {string} problem - Title of a layer that cannot be computed; may be empty.
 * @property {string} label
 */

/**
 * Return the depth of a stack of maps on the page, in CSS pixels.
 * @param {Volume} volume
 * @returns {number}
 */
function depth(volume) {
  return volume.index === 0 ? 0 : (volume.shape[2] - 1) * PLATE // the photo's three channels are one picture
}

/**
 * Return the CSS pixels for each value of a map, at which the row fits if that is possible.
 * @param {Volume[]} volumes
 * @param {number} room - Width of the row, in CSS pixels.
 * @returns {number}
 */
function scaleOf(volumes, room) {
  const fits = (scale) => volumes.reduce(
    (sum, v) => sum + GAP + Math.max(NARROWEST, v.shape[1] * scale + depth(v)), 0) <= room
  let scale = TALLEST / Math.max(...volumes.map((v) => v.shape[0]))
  const smallest = scale * 0.3
  while (scale > smallest && !fits(scale)) scale *= 0.97
  return scale
}

/**
 * Draw a stack of maps.
 * @param {Volume} volume
 * @param {number} scale - CSS pixels for each value.
 * @returns {SVGElement}
 */
function drawing(volume, scale) {
  const width = Math.max(2, volume.shape[1] * scale), height = Math.max(2, volume.shape[0] * scale)
  const behind = depth(volume)
  const svg = svgElement("svg", { width: width + behind, height: height + behind, "aria-hidden": "true" })
  for (let offset = behind; offset > 0; offset -= PLATE) {
    svg.append(svgElement("rect", { x: offset, y: behind - offset, width, height }))
  }
  const image = svgElement("image", {
    x: 0, y: behind, width, height, preserveAspectRatio: "none", href: volume.src,
    class: volume.shape[1] * 1.5 < width ? "pixelated" : "",
  })
  svg.append(image, svgElement("rect", { x: 0, y: behind, width, height, class: "front" }))
  return svg
}

/**
 * Create a span of one class.
 * @param {string} name - The class.
 * @param {string} text
 * @returns {HTMLSpanElement}
 */
function textSpan(name, text) {
  const span = document.createElement("span")
  span.className = name
  span.textContent = text
  return span
}

/**
 * Put a title and a shape under a node.
 * @template {HTMLElement} T
 * @param {T} node
 * @param {string} title
 * @param {string} shape
 * @returns {T}
 */
function appendLabel(node, title, shape) {
  const text = document.createElement("span")
  text.className = "text"
  text.append(textSpan("title", title), textSpan("shape", shape))
  node.append(text)
  return node
}

/**
 * Draw the row anew.
 * @param {HTMLElement} row
 * @param {Data} data
 * @param {(index: number) => void} pick
 */
function draw(row, data, pick) {
  const volumes = data.volumes.map((volume, index) => ({ ...volume, index }))
  const room = row.clientWidth - (data.problem ? NARROWEST + GAP : 0)
  const scale = scaleOf(volumes, room)
  const focused = row.getRootNode().activeElement?.dataset?.index
  const buttons = volumes.map((volume) => {
    const button = radioButton(drawing(volume, scale))
    button.dataset.index = String(volume.index)
    button.setAttribute("aria-label", volume.alt)
    button.onclick = () => pick(volume.index)
    const [height, width, channels] = volume.shape
    return appendLabel(button, volume.title, `${height} × ${width} × ${channels}`)
  })
  markChosen(buttons, data.chosen)
  row.replaceChildren(...buttons)
  if (data.problem) {
    const box = document.createElement("div")
    box.className = "problem"
    row.append(appendLabel(box, data.problem, "no maps"))
  }
  if (focused !== undefined) buttons[focused]?.focus({ preventScroll: true })
}

/**
 * Show the layers.
 * @param {import("./shared.js").Component<Data>} component
 */
export default function mount(component) {
  const { data, parentElement, setTriggerValue } = component
  const row = parentElement.querySelector(".row")
  const pick = (index) => setTriggerValue("pick", index)
  row.setAttribute("aria-label", data.label)
  row.onkeydown = (event) => pickByArrow(event, [...row.querySelectorAll("button")])
  parentElement.drawn = data
  draw(row, data, pick)
  parentElement.observer ??= onNewWidth(row, () => draw(row, parentElement.drawn, pick))
  return cleanUpOfCall(component, mount, () => {
    parentElement.observer?.disconnect()
    parentElement.observer = null
  })
}
