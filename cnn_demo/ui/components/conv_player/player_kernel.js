// The middle of the player: a kernel whose weights can be edited, the weights of a blur, or the values of a window.

import { RED_BLUE } from "../conv_math.js"
import { clamp } from "../shared.js"
import { inkOn, shade, shortNumber } from "./player_grid.js"
import { binomial } from "./player_math.js"

const LARGEST_WEIGHT = 1e6 // as in `convolution/matrix_text.py`
const NUMBERS_FROM = 24 // CSS pixels of a cell
const TITLES = { convolution: "∗ Kernel", transposed: "Kernel", blur: "Blur", max: "Max of", min: "Min of", average: "Mean of", l2: "L2 norm of" }

/**
 * Read a number as people write it.
 * @param {string} text
 * @returns {number} NaN if it is none, or too large.
 */
export function readNumber(text) {
  const plain = text.trim().replace("−", "-").replace(",", ".")
  const value = plain === "" ? NaN : Number(plain)
  return Math.abs(value) <= LARGEST_WEIGHT ? value : NaN
}

/**
 * Write a number as it can be edited: six significant digits.
 * @param {number} value
 * @returns {string}
 */
export function editable(value) {
  return String(Number(value.toPrecision(6)))
}

/**
 * Return a sentence on a text that is no number.
 * @param {string} text
 * @param {string} kept - Sentence on the value that stays.
 * @returns {string}
 */
export function noNumber(text, kept) {
  const shown = text.trim() ? `“${text.trim().slice(0, 20)}”` : "An empty field"
  return `${shown} is not a number between minus and plus one million: type one such as 0.5; ${kept}.`
}

/** The grid in the middle. */
export class KernelGrid {
  /**
   * @param {HTMLElement} root - The element `.middle`.
   * @param {(at: number, value: number) => void} onEdit - Called with a weight's index and its new value.
   * @param {(text: string) => void} onError - Called with a sentence, or with an empty text once all is right.
   */
  constructor(root, onEdit, onError) {
    this.grid = root.querySelector(".kernel")
    this.title = root.querySelector(".title")
    this.onEdit = onEdit
    this.onError = onError
    this.cells = []
  }

  /**
   * Make the cells for an operation, if it has another size or kind than before.
   * @param {import("./player_math.js").Operation} operation
   * @param {boolean} mayEdit
   * @param {number} room - Width in CSS pixels.
   * @returns {number} Width that the grid takes.
   */
  layOut(operation, mayEdit, room) {
    const { kind, stride } = operation
    const size = kind === "blur" ? stride.map((step) => 2 * step + 1) : operation.size
    const side = clamp(Math.floor(room / Math.max(...size)) - 2, 9, 42)
    const made = JSON.stringify([kind, size, mayEdit])
    this.grid.style.gridTemplateColumns = `repeat(${size[1]}, auto)`
    this.grid.style.setProperty("--side", `${side}px`)
    this.grid.style.setProperty("--letters", `${Math.max(9, Math.min(13, side * 0.31))}px`)
    this.grid.classList.toggle("tiny", side < NUMBERS_FROM)
    this.shown = side >= NUMBERS_FROM
    if (this.made !== made) {
      this.made = made
      this.title.textContent = kind === "blur" && Math.max(...operation.size) > 1 ? "Max, then blur" : TITLES[kind]
      this.size = size
      this.cells = Array.from({ length: size[0] * size[1] }, (_, at) => (mayEdit ? this.input(at) : document.createElement("span")))
      this.grid.replaceChildren(...this.cells)
      this.grid.setAttribute("aria-label", mayEdit ? "Weights of the kernel" : TITLES[kind].replace(" of", " of the window"))
    }
    return size[1] * (side + 2)
  }

  /**
   * Create the field of a weight.
   * @param {number} at - Its index.
   * @returns {HTMLInputElement}
   */
  input(at) {
    const field = Object.assign(document.createElement("input"), { type: "text", inputMode: "decimal", autocomplete: "off" })
    field.setAttribute("aria-label", `Weight in row ${Math.floor(at / this.size[1])}, column ${at % this.size[1]}`)
    const take = (value) => {
      field.removeAttribute("aria-invalid")
      this.onError("")
      this.onEdit(at, value)
    }
    field.onfocus = () => { field.value = editable(this.weights[at]); field.select() }
    field.oninput = () => {
      const value = readNumber(field.value)
      if (!Number.isNaN(value)) { take(value); return }
      if (["", "-", "−", "."].includes(field.value.trim())) return // the beginning of a number
      field.setAttribute("aria-invalid", "true")
      this.onError(noNumber(field.value, `the weight stays ${editable(this.weights[at])}`))
    }
    field.onblur = () => { field.removeAttribute("aria-invalid"); this.write(at) }
    field.onkeydown = (event) => {
      event.stopPropagation()
      const step = { ArrowUp: 1, ArrowDown: -1 }[event.key]
      if (event.key === "Enter") field.blur()
      if (!step) return
      event.preventDefault()
      take(clamp(Number((this.weights[at] + step * (event.shiftKey ? 1 : 0.1)).toPrecision(6)), -LARGEST_WEIGHT, LARGEST_WEIGHT))
      field.value = editable(this.weights[at])
    }
    return field
  }

  /**
   * Show the weights of a kernel.
   * @param {number[]} weights
   */
  showWeights(weights) {
    this.weights = weights
    const largest = Math.max(...weights.map(Math.abs)) || 1
    weights.forEach((weight, at) => {
      const colour = 3 * (Math.round(weight / largest * 127) + 127)
      this.colour(this.cells[at], [...RED_BLUE.subarray(colour, colour + 3)])
      if (!this.cells[at].matches(":focus")) this.write(at)
    })
  }

  /**
   * Write a weight into its field.
   * @param {number} at
   */
  write(at) {
    const text = this.shown ? shortNumber(this.weights[at]) : ""
    if (this.cells[at] instanceof HTMLInputElement) this.cells[at].value = this.shown ? text : editable(this.weights[at])
    else this.cells[at].textContent = text
  }

  /**
   * Show the weights of a blur.
   * @param {[number, number]} stride
   */
  showBlur(stride) {
    const across = binomial(stride[1])
    this.showWeights(binomial(stride[0]).flatMap((first) => across.map((second) => first * second)))
  }

  /**
   * Show the values of a window, the winner marked.
   * @param {import("./player_math.js").Tap[]} taps
   * @param {{row: number, column: number}} corner - Of the window.
   * @param {string} kind
   * @param {import("./player_grid.js").Shading} shading
   */
  showWindow(taps, corner, kind, shading) {
    for (const cell of this.cells) {
      cell.textContent = ""
      cell.classList.remove("won")
      this.colour(cell, null)
    }
    for (const tap of taps) {
      const cell = this.cells[(tap.row - corner.row) * this.size[1] + tap.column - corner.column]
      this.colour(cell, shade(tap.value, shading))
      if (this.shown) cell.textContent = shortNumber(tap.value)
      cell.classList.toggle("won", tap.weight === 1 && (kind === "max" || kind === "min"))
    }
  }

  /**
   * Colour a cell; its text is black or white.
   * @param {HTMLElement} cell
   * @param {number[] | null} colour - Null for a cell without a value.
   */
  colour(cell, colour) {
    cell.style.setProperty("--tint", colour ? `rgb(${colour.join()})` : "transparent")
    cell.style.setProperty("--ink", colour ? inkOn(colour) : "inherit")
  }
}
