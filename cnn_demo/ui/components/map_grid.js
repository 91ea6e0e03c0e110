// Feature maps as a grid: a radio group in pictures. Arrow keys move through it, across and down.

import { clamp, cleanUpOfCall, markChosen, pickByArrow, radioButton } from "./shared.js"

/**
 * @typedef {object} Data
 * @property {{title: string, src: string, alt: string}[]} tiles
 * @property {number | null} chosen - Index of the chosen tile.
 * @property {[number, number]} size - Height and width of a map.
 * @property {string} label
 */

/**
 * Show the maps.
 * @param {import("./shared.js").Component<Data>} component
 */
export default function mount(component) {
  const { data, parentElement, setTriggerValue } = component
  const grid = parentElement.querySelector(".grid")
  grid.setAttribute("aria-label", data.label)
  const [height, width] = data.size
  grid.style.setProperty("--tile", data.tiles.length > 16 ? "76px" : "104px")

  // Tiles are used again: a press must find the button that its release is on.
  while (grid.children.length > data.tiles.length) grid.lastChild.remove()
  while (grid.children.length < data.tiles.length) {
    grid.append(radioButton(document.createElement("img"), document.createElement("span")))
  }
  data.tiles.forEach((item, index) => {
    const button = grid.children[index]
    const [img, label] = button.children
    if (img.getAttribute("src") !== item.src) img.src = item.src
    img.alt = item.alt
    img.style.aspectRatio = String(clamp(width / height, 0.25, 4))
    img.classList.toggle("pixelated", Math.max(width, height) < 80)
    label.textContent = item.title
    button.title = item.title
    button.onclick = () => setTriggerValue("pick", index)
  })
  const buttons = [...grid.children]
  markChosen(buttons, data.chosen)
  grid.onkeydown = (event) => pickByArrow(event, buttons, grid)
  return cleanUpOfCall(component, mount)
}
