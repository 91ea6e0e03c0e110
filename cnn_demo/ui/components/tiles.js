// Small pictures in a grid, cut from one. Where they can be picked, they are a radio group; where each can be switched
// off, checkboxes. The arrow keys move through both.

import { cleanUpOfCall, focusByArrow, heightInWindow, markChosen, pickByArrow, radioButton, scrollIntoParent } from "./shared.js"

const UNCONFIRMED = 3000 // milliseconds for which a switch shows what was clicked, until Python's data agrees

/**
 * @typedef {object} Data
 * @property {string} src - Data URL of all tiles, one below the other.
 * @property {{key: number, title: string, caption: string}[]} items
 * @property {number} height - Of one tile in `src`, in pixels.
 * @property {number} width - Of one tile in `src`, in pixels.
 * @property {string} label
 * @property {number | null} chosen - Key of the chosen tile.
 * @property {boolean} clickable
 * @property {number[] | null} off - Keys of the tiles that are switched off; null if tiles are no switches.
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
 * Make the tiles checkboxes: a click sends the keys of all tiles that are then off.
 *
 * All keys, not the clicked one: Python may receive two quick clicks as one. And data that Python sent before a click
 * must not undo it, so that clicks count for a moment whatever the data say.
 * @param {HTMLElement & Record<string, any>} grid
 * @param {HTMLElement[]} tiles
 * @param {import("./shared.js").Component<Data>} component
 */
function makeSwitches(grid, tiles, { data, setTriggerValue }) {
  const clicked = (grid.clicked ??= new Map())
  const keys = data.items.map((item) => item.key)
  const off = new Set(data.off)
  for (const [key, { isOff, at }] of clicked) {
    if (off.has(key) === isOff || Date.now() - at > UNCONFIRMED) clicked.delete(key)
    else if (isOff) off.add(key)
    else off.delete(key)
  }
  const reached = Math.max(0, tiles.indexOf(grid.getRootNode().activeElement))
  tiles.forEach((element, at) => {
    element.setAttribute("role", "checkbox")
    element.setAttribute("aria-checked", String(!off.has(keys[at])))
    element.tabIndex = at === reached ? 0 : -1
    element.onclick = () => {
      const isOff = !off.delete(keys[at])
      if (isOff) off.add(keys[at])
      clicked.set(keys[at], { isOff, at: Date.now() })
      element.setAttribute("aria-checked", String(!isOff))
      setTriggerValue("pick", keys.filter((key) => off.has(key)))
    }
  })
  grid.onkeydown = (event) => {
    const next = focusByArrow(event, tiles, grid)
    if (next) tiles.forEach((element) => { element.tabIndex = element === next ? 0 : -1 })
  }
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
export default function mount(component) {
  const { data, parentElement, setTriggerValue } = component
  const grid = parentElement.querySelector(".tiles")
  grid.setAttribute("aria-label", data.label)
  grid.setAttribute("role", data.clickable && !data.off ? "radiogroup" : "group")
  grid.classList.toggle("switches", Boolean(data.off))
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
    if (!data.clickable || data.off) return
    element.onclick = () => setTriggerValue("pick", item.key)
  })
  const tiles = [...grid.children]
  if (data.off) makeSwitches(grid, tiles, component)
  else if (data.clickable) markChosen(tiles, chosen)

  const signature = JSON.stringify([data.height, data.width, data.items.length])
  if (parentElement.source !== data.src || parentElement.signature !== signature) {
    parentElement.source = data.src
    parentElement.signature = signature
    const image = new Image()
    image.onload = () => { if (parentElement.source === data.src) paint(grid, data, image) }
    image.src = data.src
  }
  if (chosen >= 0 && data.maxHeight) scrollIntoParent(grid, tiles[chosen])
  if (!data.off) grid.onkeydown = data.clickable ? (event) => pickByArrow(event, tiles, grid) : null
  return cleanUpOfCall(component, mount)
}
