// The pixel that a visitor points at: its marks on both pictures, and its arithmetic below them.

import { setAttributes, svgElement } from "../shared.js"
import { ACTIVATIONS, RED_BLUE, appliedKernel, outputsUsing, windowCells } from "../conv_math.js"
import { rectangle } from "./lens_geometry.js"

const SMALLEST_MARK = 9 // CSS pixels: a smaller rectangle gets a ring, or nobody would find it
const CELLS_FROM = 6 // CSS pixels of a pixel from which single cells are drawn
const TEXT_FROM = 34 // and from which a weight is written into its cell
const HEIGHT = 105, TITLE = 20, GRID = 82 // of the reading, in CSS pixels
const TERMS = 4 // products that are written out

/**
 * What is read: a pixel of one of the pictures.
 * @typedef {{side: "before" | "after", row: number, column: number}} Spot
 */

/**
 * All that a reading needs of the pictures as they are now.
 * @typedef {object} Scene
 * @property {import("./typed_engine.js").Job} job
 * @property {Float32Array} plane - The channel of the photo that is read.
 * @property {string} channel - Its name; "" for a grey photo.
 * @property {[number, number]} size - Of the photo.
 * @property {[number, number]} out - Of the result.
 * @property {string} activationTitle
 */

/**
 * A small grid of values.
 * @typedef {object} Grid
 * @property {string} title
 * @property {number} rows
 * @property {number} columns
 * @property {ArrayLike<number>} values
 * @property {boolean} [brightness] - Values are brightness, not weights.
 * @property {boolean[]} [faint] - Cells of the padding.
 */

/**
 * Write a number in a few characters.
 * @param {number} value
 * @param {number} [digits]
 * @returns {string}
 */
function written(value, digits = 3) {
  const size = Math.abs(value)
  const text = size >= 1e5 ? value.toExponential(1) : value.toFixed(size >= 1000 ? 0 : size >= 10 ? 1 : digits)
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−")
}

/**
 * Return the arithmetic of one pixel of the result.
 * @param {Spot} spot
 * @param {Scene} scene
 * @returns {{cells: import("../conv_math.js").Cell[], window: number[], kernel: Float32Array, products: number[], sum: number, after: number}}
 */
function arithmetic(spot, { job, plane, size }) {
  const cells = windowCells(spot.row, spot.column, size, job.kernel.size, job.spec)
  const window = cells.map(({ source }) => (source < 0 ? 0 : plane[source]))
  const kernel = appliedKernel(job.kernel.weights, job.spec)
  const products = window.map((value, i) => value * kernel[i])
  const sum = products.reduce((total, value) => total + value, 0)
  return { cells, window, kernel, products, sum, after: ACTIVATIONS[job.activation](sum + job.bias) }
}

/**
 * Draw a rectangle twice, a dark line under a light one, and a ring around it if it is small.
 * @param {SVGElement} svg
 * @param {{x: number, y: number, width: number, height: number}} box
 */
function outline(svg, box) {
  for (const layer of ["under", "over"]) {
    svg.append(svgElement("rect", { ...box, class: layer }))
    if (Math.max(box.width, box.height) < SMALLEST_MARK) {
      const ring = { cx: box.x + box.width / 2, cy: box.y + box.height / 2, r: SMALLEST_MARK, class: layer }
      svg.append(svgElement("circle", ring))
    }
  }
}

/**
 * Mark the window of a pixel of the result on the photo, cell by cell if there is room; cells of the padding are dashed.
 * @param {SVGElement} svg
 * @param {Spot} spot
 * @param {Scene} scene
 * @param {import("./lens_geometry.js").Placement} placement
 */
function markWindow(svg, spot, scene, placement) {
  const { cells, window } = arithmetic(spot, scene)
  const single = placement.scale[0] >= CELLS_FROM
  cells.forEach(({ row, column, inside }, i) => {
    if (inside && !single) return
    const box = rectangle(row, column, 1, 1, placement)
    const grey = Math.round(255 * Math.min(Math.max(window[i], 0), 1))
    const fill = inside ? {} : { style: `fill: rgb(${grey} ${grey} ${grey})` }
    svg.append(svgElement("rect", { ...box, class: inside ? "cell" : single ? "padding" : "outside", ...fill }))
  })
  const [first, last] = [cells[0], cells[cells.length - 1]]
  outline(svg, rectangle(first.row, first.column, last.row - first.row + 1, last.column - first.column + 1, placement))
}

/**
 * Mark every pixel of the result that uses a pixel of the photo, in the colour of its weight there.
 * @param {SVGElement} svg
 * @param {Spot} spot
 * @param {Scene} scene
 * @param {import("./lens_geometry.js").Placement} placement
 */
function markUses(svg, spot, scene, placement) {
  const uses = weightsByResult(spot, scene)
  const most = Math.max(...uses.map(({ weight }) => Math.abs(weight)), 1e-12)
  for (const { row, column, weight } of uses) {
    const box = rectangle(row, column, 1, 1, placement)
    const strength = Math.abs(weight) / most
    const colour = weight < 0 ? "33 102 172" : "178 24 43"
    svg.append(svgElement("rect", { ...box, class: "use", style: `fill: rgb(${colour} / ${(0.15 + 0.7 * strength).toFixed(2)})` }))
    if (placement.scale[1] >= TEXT_FROM) {
      const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 }
      svg.append(svgElement("text", middle, written(weight)))
    }
  }
  if (!uses.length) return
  const rows = uses.map(({ row }) => row), columns = uses.map(({ column }) => column)
  const [top, left] = [Math.min(...rows), Math.min(...columns)]
  outline(svg, rectangle(top, left, Math.max(...rows) - top + 1, Math.max(...columns) - left + 1, placement))
}

/**
 * Return the weight that a pixel of the photo has in each pixel of the result that uses it.
 * @param {Spot} spot
 * @param {Scene} scene
 * @returns {{row: number, column: number, weight: number}[]} Uses through the padding are added to the others.
 */
function weightsByResult(spot, { job, size }) {
  const kernel = appliedKernel(job.kernel.weights, job.spec)
  const found = new Map()
  for (const { row, column, u, v } of outputsUsing(spot.row, spot.column, size, job.kernel.size, job.spec)) {
    const key = `${row} ${column}`
    const weight = kernel[u * job.kernel.size[1] + v]
    const entry = found.get(key)
    if (entry) entry.weight += weight
    else found.set(key, { row, column, weight })
  }
  return [...found.values()]
}

/**
 * Draw the marks of a spot on both pictures.
 * @param {{before: SVGElement, after: SVGElement}} layers
 * @param {Spot} spot
 * @param {Scene} scene
 * @param {import("./lens_geometry.js").Placements} placed
 */
export function drawMarks(layers, spot, scene, placed) {
  layers.before.replaceChildren()
  layers.after.replaceChildren()
  if (spot.side === "after") {
    markWindow(layers.before, spot, scene, placed.before)
    outline(layers.after, rectangle(spot.row, spot.column, 1, 1, placed.after))
  } else {
    outline(layers.before, rectangle(spot.row, spot.column, 1, 1, placed.before))
    markUses(layers.after, spot, scene, placed.after)
  }
}

/**
 * Write the arithmetic of a spot.
 * @param {{grids: HTMLCanvasElement, words: HTMLElement}} panel
 * @param {Spot} spot
 * @param {Scene} scene
 * @param {number} width - Of the whole reading, in CSS pixels.
 * @returns {string} The same in a sentence, to be spoken.
 */
export function writeReading(panel, spot, scene, width) {
  const name = scene.channel ? `, ${scene.channel}` : ""
  if (spot.side === "before") return writeUses(panel, spot, scene, name, width)
  const { job } = scene
  const { cells, window, kernel, products, sum, after } = arithmetic(spot, scene)
  const [rows, columns] = job.kernel.size
  const faint = cells.map(({ inside }) => !inside)
  drawGrids(panel.grids, [
    { title: "Window", rows, columns, values: window, brightness: true, faint },
    { title: "× kernel", rows, columns, values: kernel },
    { title: "= products", rows, columns, values: products, faint },
  ], width)
  const order = products.map((_, i) => i).sort((a, b) => Math.abs(products[b]) - Math.abs(products[a]))
  const terms = order.slice(0, TERMS).map((i) => `${written(window[i])} × ${written(kernel[i])}`)
  const more = products.length > TERMS ? ` + … (${products.length} terms)` : ""
  const title = `Result, row ${spot.row}, column ${spot.column}${name}`
  const bias = job.bias ? ` ${job.bias < 0 ? "−" : "+"} ${written(Math.abs(job.bias), 2)} bias = ${written(sum + job.bias, 4)}` : ""
  const activation = job.activation === "none" ? "" : ` → ${scene.activationTitle} = ${written(after, 4)}`
  const outside = faint.filter(Boolean).length
  panel.words.replaceChildren(
    paragraph("title", title),
    paragraph("", `${terms.join(" + ")}${more}`),
    paragraph("sum", `= ${written(sum, 4)}${bias}${activation}`),
    ...(outside ? [paragraph("note long", `${outside} of ${faint.length} values come from the padding (hatched).`)] : []),
  )
  return `${title}: ${written(after, 4)}.`
}

/**
 * Write in which pixels of the result a pixel of the photo is used.
 * @param {{grids: HTMLCanvasElement, words: HTMLElement}} panel
 * @param {Spot} spot
 * @param {Scene} scene
 * @param {string} name - Of the channel.
 * @param {number} width
 * @returns {string}
 */
function writeUses(panel, spot, scene, name, width) {
  const uses = weightsByResult(spot, scene)
  const value = scene.plane[spot.row * scene.size[1] + spot.column]
  const title = `Photo, row ${spot.row}, column ${spot.column}${name}: ${written(value)}`
  const rows = [...new Set(uses.map(({ row }) => row))].sort((a, b) => a - b)
  const columns = [...new Set(uses.map(({ column }) => column))].sort((a, b) => a - b)
  const values = new Float32Array(rows.length * columns.length)
  for (const { row, column, weight } of uses) values[rows.indexOf(row) * columns.length + columns.indexOf(column)] = weight
  drawGrids(panel.grids, uses.length ? [{ title: "Its weight in each", rows: rows.length, columns: columns.length, values }] : [], width)
  const count = uses.length === 1 ? "1 pixel of the result uses it" : `${uses.length} pixels of the result use it`
  const where = uses.length ? `rows ${rows[0]} to ${rows[rows.length - 1]}, columns ${columns[0]} to ${columns[columns.length - 1]}` : ""
  const words = uses.length ? `${count}: ${where}.` : "No pixel of the result uses it: every window skips it."
  panel.words.replaceChildren(
    paragraph("title", title),
    paragraph("", words),
    ...(uses.length > 1 ? [paragraph("note long", "In each it is multiplied by another weight of the kernel.")] : []),
  )
  return `${title}. ${words}`
}

/**
 * @param {string} name - Its class.
 * @param {string} text
 * @returns {HTMLParagraphElement}
 */
function paragraph(name, text) {
  const element = document.createElement("p")
  element.className = name
  element.textContent = text
  return element
}

/**
 * Draw grids of values beside each other, with numbers where they can be read.
 * @param {HTMLCanvasElement} canvas
 * @param {Grid[]} grids
 * @param {number} width - Of the whole reading.
 */
function drawGrids(canvas, grids, width) {
  const style = getComputedStyle(canvas)
  const context = canvas.getContext("2d")
  const across = grids.reduce((sum, { columns }) => sum + columns, 0)
  const tall = Math.max(1, ...grids.map(({ rows }) => rows))
  const gap = 22, room = 0.66 * width - gap * grids.length
  const cellHeight = Math.min(22, GRID / tall)
  const numbers = cellHeight >= 15 && room / across >= 38
  const cellWidth = numbers ? Math.min(46, room / across) : Math.min(cellHeight, room / Math.max(1, across))
  const titles = 66 // CSS pixels that a title needs
  const widths = grids.map(({ columns }) => Math.max(titles, columns * cellWidth))
  const full = Math.ceil(widths.reduce((sum, each) => sum + each + gap, 0))
  const ratio = window.devicePixelRatio || 1
  Object.assign(canvas, { width: Math.max(1, Math.round(full * ratio)), height: Math.round(HEIGHT * ratio) })
  canvas.style.width = `${full}px`
  context.scale(ratio, ratio)
  const font = style.fontFamily
  let x = 0
  for (const [number, grid] of grids.entries()) {
    context.font = `600 12px ${font}`
    context.textAlign = "left"
    context.textBaseline = "alphabetic"
    context.fillStyle = style.color
    context.fillText(grid.title, x, 12)
    drawGrid(context, grid, x, TITLE, cellWidth, cellHeight, numbers ? font : "")
    x += widths[number] + gap
  }
}

/**
 * Draw one grid.
 * @param {CanvasRenderingContext2D} context
 * @param {Grid} grid
 * @param {number} left
 * @param {number} top
 * @param {number} cellWidth
 * @param {number} cellHeight
 * @param {string} font - "" for a grid without numbers.
 */
function drawGrid(context, grid, left, top, cellWidth, cellHeight, font) {
  const most = Math.max(...Array.from(grid.values, Math.abs), 1e-12)
  const space = cellWidth >= 5 ? 1 : 0
  for (let i = 0; i < grid.rows * grid.columns; i++) {
    const x = left + (i % grid.columns) * cellWidth, y = top + Math.floor(i / grid.columns) * cellHeight
    const value = grid.values[i]
    const at = 3 * (Math.round(127 * value / most) + 127)
    const grey = Math.round(255 * Math.min(Math.max(value, 0), 1))
    const colour = grid.brightness ? [grey, grey, grey] : [...RED_BLUE.subarray(at, at + 3)]
    context.fillStyle = `rgb(${colour.join(" ")})`
    context.fillRect(x, y, cellWidth - space, cellHeight - space)
    const ink = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 140 ? "#000" : "#fff"
    if (grid.faint?.[i]) hatch(context, x, y, cellWidth - space, cellHeight - space, ink)
    if (!font) continue
    context.fillStyle = ink
    context.font = `500 11px ${font}`
    context.textAlign = "center"
    context.textBaseline = "middle"
    context.fillText(written(value), x + cellWidth / 2, y + cellHeight / 2, cellWidth - 2)
  }
  context.strokeStyle = "rgb(128 128 128 / 0.6)"
  context.lineWidth = 1
  context.strokeRect(left + 0.5, top + 0.5, grid.columns * cellWidth - 1, grid.rows * cellHeight - 1)
}

/**
 * Hatch a cell of the padding.
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} width
 * @param {number} height
 * @param {string} ink
 */
function hatch(context, x, y, width, height, ink) {
  context.save()
  context.beginPath()
  context.rect(x, y, width, height)
  context.clip()
  context.globalAlpha = 0.4
  context.strokeStyle = ink
  context.lineWidth = 1
  context.beginPath()
  for (let at = -height; at < width; at += 5) {
    context.moveTo(x + at, y + height)
    context.lineTo(x + at + height, y)
  }
  context.stroke()
  context.restore()
}

/**
 * Place the layer of marks over a frame.
 * @param {SVGElement & {style: CSSStyleDeclaration}} svg
 * @param {HTMLElement} frame
 */
export function placeLayer(svg, frame) {
  const { left, top, width, height } = frame.style
  Object.assign(svg.style, { left, top, width, height })
  setAttributes(svg, { viewBox: `0 0 ${parseFloat(width)} ${parseFloat(height)}` })
}
