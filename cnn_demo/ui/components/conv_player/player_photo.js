// The photo that the crop is taken of, with the frame of the crop, which can be moved and resized.

import { arrowStep, clamp } from "../shared.js"

const LARGEST = { width: 260, height: 176 } // of the photo, in CSS pixels
const SMALLEST_HANDLE = 34 // CSS pixels of the frame that has one

/**
 * @typedef {object} Place - A crop; row and column are those of its first pixel.
 * @property {number} cells - Cells along each side.
 * @property {number} cell - Pixels along each side of a cell.
 * @property {number} row
 * @property {number} column
 * @property {number} height - In cells; fewer than `cells` where the photo is smaller.
 * @property {number} width
 */

/** The photo and the frame on it. */
export class FramePicker {
  /**
   * @param {HTMLElement} root - The element `.source`.
   * @param {(place: Place) => void} onMove - Called while the frame moves.
   * @param {(place: Place) => void} onRelease - Called when it has been moved.
   */
  constructor(root, onMove, onRelease) {
    this.root = root
    this.onMove = onMove
    this.onRelease = onRelease
    this.find = (selector) => root.querySelector(selector)
    this.photoBox = this.find(".photo")
    this.frame = this.find(".frame")
    this.image = this.find("img")
    this.photoBox.onpointerdown = (event) => this.grab(event)
    this.photoBox.onpointermove = (event) => this.drag(event)
    this.photoBox.onpointerup = this.photoBox.onpointercancel = () => this.release()
    this.frame.onkeydown = (event) => this.key(event)
    this.find(".cells").oninput = (event) => this.resize(Number(event.target.value), this.place.cell)
    this.find(".cell").oninput = (event) => this.resize(this.place.cells, Number(event.target.value))
    for (const name of [".cells", ".cell"]) this.find(name).onchange = () => this.release()
  }

  /**
   * Take over the photo and the crop.
   * @param {{src: string, alt: string, height: number, width: number}} photo
   * @param {Place} place
   * @param {number} fewest - Smallest number of cells.
   * @param {number} most
   */
  update(photo, place, fewest, most) {
    this.photo = photo
    if (this.image.getAttribute("src") !== photo.src) this.image.src = photo.src
    this.image.alt = photo.alt
    Object.assign(this.find(".cells"), { min: fewest, max: most })
    if (!this.dragged) this.place = { ...place }
    this.fit()
  }

  /** Size the photo to the room that it has, and put the frame where it belongs. */
  fit() {
    if (!this.photo) return
    const { width, height } = this.photo
    this.scale = Math.min(LARGEST.width, this.root.clientWidth || LARGEST.width, LARGEST.height * width / height) / width
    Object.assign(this.photoBox.style, { width: `${width * this.scale}px`, height: `${height * this.scale}px` })
    this.show()
  }

  /** Show the frame and the sliders. */
  show() {
    const { row, column, cell, cells, height, width } = this.place
    const box = { left: column, top: row, width: width * cell, height: height * cell }
    for (const [side, value] of Object.entries(box)) this.frame.style[side] = `${value * this.scale}px`
    this.frame.querySelector("span").hidden = Math.min(box.width, box.height) * this.scale < SMALLEST_HANDLE
    const largest = this.largestCell(cells)
    this.find(".cell").max = largest
    for (const [name, value] of /** @type {[string, number][]} */ ([[".cells", cells], [".cell", cell]])) {
      this.find(name).value = value
      this.find(name).nextElementSibling.textContent = value
    }
    this.find(".cell").disabled = largest === 1
    this.frame.setAttribute("aria-label", `Crop from row ${row}, column ${column}, ${height * cell} × ${width * cell} pixels. ` +
      "Move it with the arrow keys, with Shift further.")
  }

  /**
   * Return the largest cell with which so many of them fit.
   * @param {number} cells
   * @returns {number}
   */
  largestCell(cells) {
    return Math.max(1, Math.floor(Math.min(this.photo.height, this.photo.width) / cells))
  }

  /**
   * Move the crop to a place, within the photo.
   * @param {number} row
   * @param {number} column
   */
  move(row, column) {
    const { cell, height, width } = this.place
    this.place.row = clamp(Math.round(row), 0, this.photo.height - height * cell)
    this.place.column = clamp(Math.round(column), 0, this.photo.width - width * cell)
    this.changed = true
    this.show()
    this.onMove(this.place)
  }

  /**
   * Give the crop other cells; its middle stays.
   * @param {number} cells
   * @param {number} cell
   */
  resize(cells, cell) {
    const { place, photo } = this
    const row = place.row + place.height * place.cell / 2, column = place.column + place.width * place.cell / 2
    place.cells = cells
    place.cell = clamp(cell, 1, this.largestCell(cells))
    place.height = Math.min(cells, Math.floor(photo.height / place.cell))
    place.width = Math.min(cells, Math.floor(photo.width / place.cell))
    this.move(row - place.height * place.cell / 2, column - place.width * place.cell / 2)
  }

  /** @param {PointerEvent} event */
  grab(event) {
    const box = this.photoBox.getBoundingClientRect()
    const at = { row: (event.clientY - box.top) / this.scale, column: (event.clientX - box.left) / this.scale }
    const { row, column, cell, height, width } = this.place
    this.photoBox.setPointerCapture(event.pointerId)
    const handle = event.composedPath().includes(this.frame.querySelector("span"))
    const inside = at.row >= row && at.row < row + height * cell && at.column >= column && at.column < column + width * cell
    this.dragged = { handle, row: inside ? at.row - row : height * cell / 2, column: inside ? at.column - column : width * cell / 2 }
    if (!inside && !handle) this.move(at.row - this.dragged.row, at.column - this.dragged.column)
  }

  /** @param {PointerEvent} event */
  drag(event) {
    if (!this.dragged) return
    const box = this.photoBox.getBoundingClientRect()
    const row = (event.clientY - box.top) / this.scale, column = (event.clientX - box.left) / this.scale
    if (!this.dragged.handle) {
      this.move(row - this.dragged.row, column - this.dragged.column)
      return
    }
    const { place } = this
    const side = Math.max((row - place.row) / place.height, (column - place.column) / place.width)
    const corner = [place.row, place.column]
    this.resize(place.cells, Math.round(side))
    this.move(corner[0], corner[1])
  }

  /** The pointer has left the frame: Python hears of its place. */
  release() {
    this.dragged = null
    if (this.changed) this.onRelease(this.place)
    this.changed = false
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const step = arrowStep(event)
    if (!step) return
    event.stopPropagation()
    const far = this.place.cell * (event.shiftKey ? 5 : 1)
    this.move(this.place.row + step[0] * far, this.place.column + step[1] * far)
    this.release()
  }

  /**
   * Return the cells of the crop as the shown picture has them, until Python has sent their exact values.
   * @param {number} channels - 1 or 3.
   * @param {number} white - Value of white.
   * @returns {Float32Array | null} Null while the picture is still being decoded.
   */
  preview(channels, white) {
    const { place: { row, column, cell, height, width }, image, photo } = this
    if (!image.complete || !image.naturalWidth) return null
    const canvas = Object.assign(document.createElement("canvas"), { height, width })
    const context = canvas.getContext("2d", { willReadFrequently: true })
    const scale = image.naturalWidth / photo.width
    context.imageSmoothingQuality = "high"
    context.drawImage(image, column * scale, row * scale, width * cell * scale, height * cell * scale, 0, 0, width, height)
    const pixels = context.getImageData(0, 0, width, height).data
    const values = new Float32Array(height * width * channels)
    for (let at = 0; at < height * width; at++) {
      for (let c = 0; c < channels; c++) values[at * channels + c] = pixels[4 * at + c] / 255 * white
    }
    return values
  }
}
