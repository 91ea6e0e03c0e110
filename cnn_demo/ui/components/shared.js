// Helpers of the components. `declare` puts them into each component that imports them: no file is loaded by itself.

/**
 * What Streamlit hands to a component at every run of the page.
 * @template Data
 * @typedef {object} Component
 * @property {Data} data - The data that Python mounted the component with.
 * @property {HTMLElement & Record<string, any>} parentElement - Root of the component's html; it also keeps the state.
 * @property {(name: string, value: unknown) => void} setTriggerValue - Sends a value to Python.
 */

/** @typedef {number[]} Box - x1, y1, x2, y2 in pixels. */

const SVG = "http://www.w3.org/2000/svg"
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }

/**
 * Limit a value to a range.
 * @param {number} value
 * @param {number} low
 * @param {number} high
 * @returns {number}
 */
export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high)
}

/**
 * Set attributes of an element.
 * @param {Element} element
 * @param {Record<string, string | number>} attributes
 */
export function setAttributes(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value))
}

/**
 * Create an SVG element.
 * @param {string} name - Such as "rect".
 * @param {Record<string, string | number>} [attributes]
 * @param {string | number} [text] - Text content.
 * @returns {any} The element, an SVGElement of that name.
 */
export function svgElement(name, attributes = {}, text) {
  const element = document.createElementNS(SVG, name)
  setAttributes(element, attributes)
  if (text !== undefined) element.textContent = String(text)
  return element
}

/**
 * Read an arrow key, and keep it from scrolling the page.
 * @param {KeyboardEvent} event
 * @returns {[number, number] | undefined} Rows down and columns to the right, each -1, 0 or 1; undefined for other keys.
 */
export function arrowStep(event) {
  const step = ARROWS[event.key]
  if (step) event.preventDefault()
  return step
}

/**
 * Keep a touch for an element that is dragged. Else Chromium takes a quick drag for a fling, which swallows the next tap,
 * and iOS shows its magnifier.
 * @param {Element} element - Its style has `touch-action: none`.
 */
export function keepTouch(element) {
  element.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false })
}

/**
 * Create a button of a radio group.
 * @param {...Node} content
 * @returns {HTMLButtonElement}
 */
export function radioButton(...content) {
  const button = document.createElement("button")
  button.type = "button"
  button.setAttribute("role", "radio")
  button.append(...content)
  return button
}

/**
 * Mark one button of a radio group as chosen: it is the one that the Tab key reaches, or the first if none is chosen.
 * @param {HTMLElement[]} buttons
 * @param {number | null | undefined} chosen - Index of the button; null, undefined or -1 if none is chosen.
 */
export function markChosen(buttons, chosen) {
  buttons.forEach((button, index) => {
    button.setAttribute("aria-checked", String(index === chosen))
    button.tabIndex = index === Math.max(chosen ?? 0, 0) ? 0 : -1
  })
}

/**
 * Let an arrow key focus the next button of a group.
 * @param {any} event - The KeyboardEvent, from a button or from within it.
 * @param {HTMLElement[]} buttons - All buttons, in order.
 * @param {HTMLElement} [grid] - The group, if it is a css grid: up and down move by a row, and the keys stop at its
 *   ends. In a row, left and right go round.
 * @returns {HTMLElement | undefined} The button that now has the focus, if it is another one.
 */
export function focusByArrow(event, buttons, grid) {
  const columns = grid ? getComputedStyle(grid).gridTemplateColumns.split(" ").length : 0
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key]
  if (!step) return undefined
  event.preventDefault()
  let next = buttons.indexOf(event.target.closest("button")) + step
  if (!grid) next = (next + buttons.length) % buttons.length
  buttons[next]?.focus()
  return buttons[next]
}

/**
 * Let an arrow key focus and click the next button of a radio group.
 * @param {any} event - As for `focusByArrow`.
 * @param {HTMLElement[]} buttons - As for `focusByArrow`.
 * @param {HTMLElement} [grid] - As for `focusByArrow`.
 */
export function pickByArrow(event, buttons, grid) {
  focusByArrow(event, buttons, grid)?.click()
}

/**
 * Scroll an element into the view of its scrolled parent, without scrolling the page.
 * @param {HTMLElement} parent
 * @param {HTMLElement} element
 */
export function scrollIntoParent(parent, element) {
  const left = element.offsetLeft - parent.offsetLeft, top = element.offsetTop - parent.offsetTop
  const right = left + element.offsetWidth - parent.clientWidth, bottom = top + element.offsetHeight - parent.clientHeight
  if (left < parent.scrollLeft) parent.scrollLeft = left
  else if (right > parent.scrollLeft) parent.scrollLeft = right
  if (top < parent.scrollTop) parent.scrollTop = top
  else if (bottom > parent.scrollTop) parent.scrollTop = bottom
}

/**
 * Call a function whenever an element has another width.
 * @param {HTMLElement} element
 * @param {() => void} redraw
 * @returns {ResizeObserver} To be disconnected when the component leaves.
 */
export function onNewWidth(element, redraw) {
  let width = element.clientWidth
  const observer = new ResizeObserver(() => {
    if (element.clientWidth === width) return
    width = element.clientWidth
    redraw()
  })
  observer.observe(element)
  return observer
}

/**
 * Return the greatest height of a picture: its own limit, or half of the window, so that controls stay in sight.
 * @param {number} limit - In CSS pixels.
 * @returns {number}
 */
export function heightInWindow(limit) {
  return Math.min(limit, Math.max(200, Math.round(0.52 * window.innerHeight)))
}

/**
 * Return the clean-up of a component's call.
 *
 * While the script of a component loads, newer data can come. Streamlit then still makes the older call, even after the
 * newer one, and cleans up after it at once: the data of the newer call are shown again. Once the component has left the
 * page, its own clean-up is done.
 * @param {any} component - Of the call.
 * @param {(component: any) => unknown} mount - The component's function.
 * @param {() => void} [release] - Ends what the component has started.
 * @returns {() => void}
 */
export function cleanUpOfCall(component, mount, release) {
  const { parentElement } = component
  const before = parentElement.call
  parentElement.call = component
  return () => {
    if (!parentElement.isConnected) release?.()
    else if (parentElement.call === component && before) mount(before)
  }
}
