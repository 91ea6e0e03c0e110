// Cells drawn on a canvas: the crop with its padding, and the result as far as it is filled.

import { RED_BLUE, paddedIndex } from "../conv_math.js"

const VALUES_FROM = 27 // CSS pixels of a cell with its value in it
const WEIGHTS_FROM = 40 // of a cell with its value and its weight
const GAPS_FROM = 8 // of cells that are separated by a line

/**
 * @typedef {object} Shading - How values become colours.
 * @property {string} display - "clip", "absolute", "stretch" or "signed".
 * @property {number} low - Value of black.
 * @property {number} high - Value of white, or magnitude of full colour.
 *
 * @typedef {object} Theme - Colours of the page.
 * @property {string} text
 * @property {string} background
 * @property {string} border
 * @property {string} primary
 */

/**
 * Return the colour of a value.
 * @param {number} value
 * @param {Shading} shading
 * @returns {number[]} Red, green and blue from 0 to 255.
 */
export function shade(value, { display, low, high }) {
  if (display === "signed") {
    const at = 3 * Math.min(Math.max(Math.round(value / (high || 1) * 127) + 127, 0), 254)
    return [RED_BLUE[at], RED_BLUE[at + 1], RED_BLUE[at + 2]]
  }
  const shown = display === "absolute" ? Math.abs(value) : value
  const grey = Math.round(255 * Math.min(Math.max((shown - low) / (high - low || 1), 0), 1))
  return [grey, grey, grey]
}

/**
 * Return black or white, whichever is easier to read on a colour (WCAG's relative luminance).
 * @param {number[]} colour - Red, green and blue.
 * @returns {string}
 */
export function inkOn(colour) {
  const [red, green, blue] = colour.map((part) => (part <= 10 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4))
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#111" : "#fff"
}

/**
 * Write a value in about four characters.
 * @param {number} value
 * @returns {string}
 */
export function shortNumber(value) {
  const magnitude = Math.abs(value)
  const text = magnitude < 9.995 ? magnitude.toFixed(2) : magnitude < 99.95 ? magnitude.toFixed(1) : magnitude.toPrecision(3)
  return (value < 0 && Number(text) ? "−" : "") + text.replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "")
}

/** A canvas of square cells. */
export class Grid {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas
    this.context = canvas.getContext("2d")
  }

  /**
   * Empty the canvas and give it its size.
   * @param {number} rows
   * @param {number} columns
   * @param {number} cell - Side of a cell in CSS pixels.
   * @param {[number, number]} origin - Row and column of the first cell, negative where padding is drawn.
   * @param {Theme} theme
   */
  begin(rows, columns, cell, origin, theme) {
    Object.assign(this, { rows, columns, cell, origin, theme })
    const scale = window.devicePixelRatio || 1
    const width = columns * cell + 4, height = rows * cell + 4
    this.canvas.width = Math.round(width * scale)
    this.canvas.height = Math.round(height * scale)
    this.canvas.style.width = `${width}px`
    this.canvas.style.height = `${height}px`
    this.context.setTransform(scale, 0, 0, scale, 2 * scale, 2 * scale)
    this.context.textAlign = "center"
    this.context.textBaseline = "middle"
  }

  /**
   * Return the corner of a cell on the canvas.
   * @param {number} row
   * @param {number} column
   * @returns {[number, number]} x and y in CSS pixels.
   */
  corner(row, column) {
    return [(column - this.origin[1]) * this.cell, (row - this.origin[0]) * this.cell]
  }

  /**
   * Return the cell under the pointer.
   * @param {MouseEvent} event
   * @returns {{row: number, column: number}}
   */
  cellAt(event) {
    const box = this.canvas.getBoundingClientRect()
    return {
      row: Math.floor((event.clientY - box.top - 2) / this.cell) + this.origin[0],
      column: Math.floor((event.clientX - box.left - 2) / this.cell) + this.origin[1],
    }
  }

  /**
   * Draw one cell with its value.
   * @param {number} row
   * @param {number} column
   * @param {number} value
   * @param {Shading} shading
   * @param {{padding?: boolean, size?: number, raised?: boolean}} [options] - Whether it is padding; its size, from 0 to
   *   1, while it appears; whether its number leaves room for a weight.
   */
  drawCell(row, column, value, shading, { padding = false, size = 1, raised = false } = {}) {
    const { context, cell } = this
    const [x, y] = this.corner(row, column)
    const gap = cell >= GAPS_FROM ? 1 : 0
    const side = (cell - gap) * size, inset = (cell - gap - side) / 2
    const colour = shade(value, shading)
    context.fillStyle = `rgb(${colour.join()})`
    context.fillRect(x + inset, y + inset, side, side)
    if (padding) this.hatch(row, column)
    if (cell < VALUES_FROM || size < 1 || (padding && !value)) return
    context.fillStyle = padding ? this.theme.text : inkOn(colour)
    context.font = `${Math.min(14, Math.round(cell * 0.34))}px ${this.theme.font}`
    if (padding) this.plate(x, y, shortNumber(value))
    context.fillText(shortNumber(value), x + cell / 2, y + cell * (raised && cell >= WEIGHTS_FROM ? 0.36 : 0.52))
  }

  /**
   * Draw the ground of a number on hatching.
   * @param {number} x
   * @param {number} y
   * @param {string} text
   */
  plate(x, y, text) {
    const { context, cell, theme } = this
    const width = context.measureText(text).width + 4
    context.fillStyle = theme.background
    context.fillRect(x + (cell - width) / 2, y + cell * 0.3, width, cell * 0.42)
    context.fillStyle = theme.text
  }

  /**
   * Hatch a cell: it is padding.
   * @param {number} row
   * @param {number} column
   */
  hatch(row, column) {
    const { context, cell, theme } = this
    const [x, y] = this.corner(row, column)
    const side = cell - (cell >= GAPS_FROM ? 1 : 0)
    context.save()
    context.beginPath()
    context.rect(x, y, side, side)
    context.clip()
    context.globalAlpha = 0.55
    context.fillStyle = theme.background
    context.fillRect(x, y, side, side)
    context.globalAlpha = 0.5
    context.strokeStyle = theme.text
    context.lineWidth = 1
    const step = Math.max(4, Math.min(8, cell / 3))
    context.beginPath()
    for (let at = -side; at < side; at += step) {
      context.moveTo(x + at, y + side)
      context.lineTo(x + at + side, y)
    }
    context.stroke()
    context.restore()
  }

  /**
   * Draw the outline of a cell that has no value yet.
   * @param {number} row
   * @param {number} column
   */
  drawEmpty(row, column) {
    const { context, cell, theme } = this
    const [x, y] = this.corner(row, column)
    context.strokeStyle = theme.border
    context.lineWidth = 1
    context.strokeRect(x + 0.5, y + 0.5, cell - 1, cell - 1)
  }

  /**
   * Frame a part of the grid, dark under a colour, so that it is seen on any picture.
   * @param {{row: number, column: number, height: number, width: number}} part - Its place may be between cells.
   * @param {string} [colour]
   * @param {number} [width] - Of the line.
   */
  frame({ row, column, height, width }, colour = "#ffd21f", lineWidth = 2.5) {
    const { context, cell } = this
    const [x, y] = this.corner(row, column)
    const gap = cell >= GAPS_FROM ? 1 : 0
    for (const [stroke, wide] of /** @type {[string, number][]} */ ([["rgba(0, 0, 0, 0.7)", lineWidth + 2], [colour, lineWidth]])) {
      context.strokeStyle = stroke
      context.lineWidth = wide
      context.strokeRect(x - gap / 2, y - gap / 2, width * cell, height * cell)
    }
  }

  /**
   * Write a weight at the bottom of a cell, or mark the cell where there is no room for it.
   * @param {number} row
   * @param {number} column
   * @param {string} text
   * @param {number} value - What the cell is coloured by.
   * @param {Shading} shading
   */
  drawWeight(row, column, text, value, shading) {
    const { context, cell } = this
    if (cell < WEIGHTS_FROM) return
    const [x, y] = this.corner(row, column)
    context.fillStyle = inkOn(shade(value, shading))
    context.font = `600 ${Math.round(cell * 0.24)}px ${this.theme.font}`
    context.fillText(text, x + cell / 2, y + cell * 0.74)
  }

  /**
   * Mark a cell with a dot in its corner.
   * @param {number} row
   * @param {number} column
   * @param {string} colour
   */
  dot(row, column, colour) {
    const { context, cell } = this
    const [x, y] = this.corner(row, column)
    const radius = Math.max(1.5, Math.min(4, cell * 0.13))
    context.beginPath()
    context.arc(x + cell - radius - 2, y + radius + 1.5, radius, 0, 2 * Math.PI)
    context.fillStyle = colour
    context.fill()
    context.strokeStyle = "rgba(0, 0, 0, 0.6)"
    context.lineWidth = 1
    context.stroke()
  }
}

/**
 * Return the value that a cell of the plane or of its padding has.
 * @param {ArrayLike<number>} values
 * @param {[number, number]} size
 * @param {number} row - Negative, or at least the height, in the padding.
 * @param {number} column
 * @param {string} mode - Of the padding.
 * @returns {number}
 */
export function valueAt(values, size, row, column, mode) {
  const y = paddedIndex(row, size[0], mode), x = paddedIndex(column, size[1], mode)
  return y < 0 || x < 0 ? 0 : values[y * size[1] + x]
}
