// A drawing made by Python, in the colours of the theme.

import { cleanUpOfCall } from "./shared.js"

/**
 * Show the drawing.
 * @param {import("./shared.js").Component<{svg: string, width: number, alt: string, caption: string}>} component
 */
export default function mount(component) {
  const { data, parentElement } = component
  const container = parentElement.querySelector(".drawing")
  if (container.source !== data.svg) {
    container.source = data.svg
    container.innerHTML = data.svg
    container.style.maxWidth = `${data.width}px`
    const svg = container.querySelector("svg")
    svg.setAttribute("role", "img")
    svg.setAttribute("aria-label", data.alt)
  }
  parentElement.querySelector("figcaption").textContent = data.caption
  return cleanUpOfCall(component, mount)
}
