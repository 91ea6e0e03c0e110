// Small pictures in a grid, cut from one; where they can be picked, a radio group that the arrow keys move through.

import { heightInWindow, markChosen, pickByArrow, radioButton, scrollIntoParent } from "./shared.js"

/**
 * @typedef {object} Data
 * @property {string} src - Data URL of all tiles, one below the other.
 * @property {{key: number, title: string, caption: string}[]} items
 * @property {number} height - Of one tile in `src`, in pixels.
 * @property {number} width - Of one tile in `src`, in pixels.
 * @property {string} label
 * @property {number | null} chosen - Key of the chosen tile.
 * @property {boolean} clickable
 * @property {number} tile - Width of a tile on the page, in CSS pixels.
 * @property {number | null} maxHeight - Of the grid, in CSS pixels.
 * @property {boolean} pixelated
 */

/**
 * Create an empty tile.
 * @param {boolean} clickable
 * @returns {HTMLElement}
 */
function tile(clickable) {
  const element = clickable ? radioButton() : document.createElement("div")
  if (!clickable) element.setAttribute("role", "img")
  element.className = "tile"
  element.append(document.createElement("canvas"), document.createElement("span"))
  return element
}

/**
 * Draw every tile's part of the picture.
 * @param {HTMLElement} grid
 * @param {Data} data
 * @param {HTMLImageElement} image
 */
function paint(grid, data, image) {
  data.items.forEach((_, at) => {
    const canvas = grid.children[at].firstChild
    canvas.width = data.width
    canvas.height = data.height
    canvas.getContext("2d").drawImage(
      image, 0, at * data.height, data.width, data.height, 0, 0, data.width, data.height)
  })
}

/**
 * Show the tiles.
 * @param {import("./shared.js").Component<Data>} component
 */
export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const grid = parentElement.querySelector(".tiles")
  grid.setAttribute("aria-label", data.label)
  grid.setAttribute("role", data.clickable ? "radiogroup" : "group")
  grid.style.gridTemplateColumns = `repeat(auto-fill, minmax(min(${data.tile}px, 100%), ${data.tile}px))`
  grid.style.maxHeight = data.maxHeight ? `${heightInWindow(data.maxHeight)}px` : ""

  // Tiles are used again: a press must find the button that its release is on.
  if (grid.dataset.clickable !== String(data.clickable)) grid.replaceChildren()
  grid.dataset.clickable = data.clickable
  while (grid.children.length > data.items.length) grid.lastChild.remove()
  while (grid.children.length < data.items.length) grid.append(tile(data.clickable))
  const chosen = data.items.findIndex((item) => item.key === data.chosen)
  data.items.forEach((item, at) => {
    const element = grid.children[at]
    const [canvas, caption] = element.children
    canvas.classList.toggle("pixelated", data.pixelated)
    element.title = item.title
    element.setAttribute("aria-label", item.title)
    caption.textContent = item.caption
    caption.hidden = !item.caption
    if (!data.clickable) return
    element.onclick = () => setTriggerValue("pick", item.key)
  })
  const tiles = [...grid.children]
  if (data.clickable) markChosen(tiles, chosen)

  const signature = JSON.stringify([data.height, data.width, data.items.length])
  if (parentElement.source !== data.src || parentElement.signature !== signature) {
    parentElement.source = data.src
    parentElement.signature = signature
    const image = new Image()
    image.onload = () => { if (parentElement.source === data.src) paint(grid, data, image) }
    image.src = data.src
  }
  if (chosen >= 0 && data.maxHeight) scrollIntoParent(grid, tiles[chosen])
  grid.onkeydown = data.clickable ? (event) => pickByArrow(event, tiles, grid) : null
}
