// A row of thumbnails, one of which is chosen: a radio group in pictures.

import { cleanUpOfCall, markChosen, pickByArrow, radioButton, scrollIntoParent } from "./shared.js"

/**
 * @typedef {{key: string, title: string, src: string, alt: string}} Item
 * @typedef {{items: Item[], chosen: string | null, label: string}} Data
 */

/**
 * Create the button of a thumbnail.
 * @param {Item} item
 * @returns {HTMLButtonElement}
 */
function thumbnail(item) {
  const img = document.createElement("img")
  img.src = item.src
  img.alt = item.alt
  const label = document.createElement("span")
  label.textContent = item.title
  const button = radioButton(img, label)
  button.dataset.key = item.key
  button.title = item.title
  return button
}

/**
 * Show the thumbnails.
 * @param {import("./shared.js").Component<Data>} component
 */
export default function mount(component) {
  const { data, parentElement, setTriggerValue } = component
  const gallery = parentElement.querySelector(".gallery")
  gallery.setAttribute("aria-label", data.label)

  // Existing thumbnails stay: a press must find the button that its release is on.
  const existing = new Map([...gallery.children].map((button) => [button.dataset.key, button]))
  const thumbnails = data.items.map((item) => {
    const button = existing.get(item.key)
    return button?.querySelector("img").src === item.src ? button : thumbnail(item)
  })
  if (thumbnails.length !== existing.size || thumbnails.some((button, at) => gallery.children[at] !== button)) {
    gallery.replaceChildren(...thumbnails)
  }
  const chosen = thumbnails.findIndex((button) => button.dataset.key === data.chosen)
  markChosen(thumbnails, chosen)
  for (const button of thumbnails) button.onclick = () => setTriggerValue("pick", button.dataset.key)
  if (chosen >= 0) scrollIntoParent(gallery, thumbnails[chosen])
  gallery.onkeydown = (event) => pickByArrow(event, thumbnails)
  return cleanUpOfCall(component, mount)
}
