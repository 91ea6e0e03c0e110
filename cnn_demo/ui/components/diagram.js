// A drawing that Python made of numbers, in the colours of the theme.

/**
 * Show the drawing.
 * @param {import("./shared.js").Component<{svg: string, width: number, alt: string, caption: string}>} component
 */
export default function (component) {
  const { data, parentElement } = component
  const place = parentElement.querySelector(".drawing")
  if (place.source !== data.svg) {
    place.source = data.svg
    place.innerHTML = data.svg
    place.style.maxWidth = `${data.width}px`
    const svg = place.querySelector("svg")
    svg.setAttribute("role", "img")
    svg.setAttribute("aria-label", data.alt)
  }
  parentElement.querySelector("figcaption").textContent = data.caption
}
