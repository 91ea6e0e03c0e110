// A confusion matrix as a table: each cell that holds photos is a button. Arrow keys move to the next such cell.

import { arrowStep, cleanUpOfCall, markChosen, setAttributes } from "./shared.js"

/**
 * @typedef {object} Data
 * @property {string[]} names - Names of the classes.
 * @property {{photos: number, title: string, fraction: number}[]} cells - Row by row; a row is a ground truth class.
 * @property {string} corner
 * @property {string} caption
 * @property {string} label
 * @property {number | null} chosen - Index of the chosen cell.
 */

/**
 * Create an element with a text.
 * @param {string} name - Such as "th".
 * @param {string | number} text
 * @param {Record<string, string | number>} [attributes]
 * @returns {HTMLElement}
 */
function cell(name, text, attributes = {}) {
  const element = document.createElement(name)
  element.textContent = String(text) // names come from strangers: never markup
  setAttributes(element, attributes)
  return element
}

/**
 * Build the table.
 * @param {HTMLTableElement} table
 * @param {Data} data
 */
function build(table, data) {
  const count = data.names.length
  const head = document.createElement("thead")
  const names = document.createElement("tr")
  names.append(cell("th", data.corner, { class: "axis" }))
  for (const name of data.names) names.append(cell("th", name, { scope: "col", title: name }))
  head.append(names)
  const body = document.createElement("tbody")
  data.names.forEach((name, row) => {
    const tableRow = document.createElement("tr")
    tableRow.append(cell("th", name, { scope: "row", title: name }))
    for (let column = 0; column < count; column += 1) {
      const { photos, title, fraction } = data.cells[row * count + column]
      const tableCell = document.createElement("td")
      if (photos) {
        const button = cell("button", photos, { type: "button", title, "aria-label": title, role: "radio" })
        button.className = row === column ? "right" : "wrong"
        button.style.setProperty("--fraction", String(fraction))
        button.dataset.index = String(row * count + column)
        tableCell.append(button)
      } else {
        tableCell.append(cell("span", "·", { title, "aria-label": title }))
      }
      tableRow.append(tableCell)
    }
    body.append(tableRow)
  })
  table.replaceChildren(cell("caption", data.caption), head, body)
}

/**
 * Return the next button in a direction, or null if there is none.
 * @param {HTMLElement} button
 * @param {[number, number]} step - Rows down and columns to the right.
 * @param {number} count - Number of classes.
 * @returns {HTMLElement | null}
 */
function nextButton(button, [down, right], count) {
  const index = Number(button.dataset.index)
  let [row, column] = [Math.floor(index / count) + down, (index % count) + right]
  while (row >= 0 && row < count && column >= 0 && column < count) {
    /** @type {HTMLElement | null} */
    const found = button.closest("table").querySelector(`[data-index="${row * count + column}"]`)
    if (found) return found
    row += down
    column += right
  }
  return null
}

/**
 * Show the matrix.
 * @param {import("./shared.js").Component<Data>} component
 */
export default function mount(component) {
  const { data, parentElement, setTriggerValue } = component
  const table = parentElement.querySelector(".matrix")
  table.setAttribute("aria-label", data.label)
  // Built anew only when its values have changed: a press must find the button that its release is on.
  const signature = JSON.stringify([data.names, data.cells, data.corner, data.caption])
  if (parentElement.signature !== signature) {
    parentElement.signature = signature
    build(table, data)
  }
  const buttons = [...table.querySelectorAll("button")]
  markChosen(buttons, buttons.findIndex((button) => Number(button.dataset.index) === data.chosen))
  for (const button of buttons) button.onclick = () => setTriggerValue("pick", Number(button.dataset.index))
  table.onkeydown = (event) => {
    const button = event.target.closest("button")
    const step = button && arrowStep(event)
    const next = step && nextButton(button, step, data.names.length)
    next?.focus()
    next?.click()
  }
  return cleanUpOfCall(component, mount)
}
