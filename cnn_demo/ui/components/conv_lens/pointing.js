// Pointer and keyboard on the two pictures: hovering, picking, zooming and panning.

import { arrowStep, clamp } from "../shared.js"

const STEP = 1.5 // of one press of + or −
const DRAGGED = 5 // CSS pixels from which a press is a drag, not a click

/**
 * What the pictures do when a visitor points at them.
 * @typedef {object} Deeds
 * @property {(event: {clientX: number, clientY: number}) => import("./reading.js").Spot | null} spotAt
 * @property {(spot: import("./reading.js").Spot | null) => void} hover
 * @property {(spot: import("./reading.js").Spot) => void} pick
 * @property {(side: "before" | "after", rows: number, columns: number) => void} walk
 * @property {() => void} unpin
 * @property {(factor: number, event?: {clientX: number, clientY: number}) => void} zoomBy - Around a point of the screen.
 * @property {(dx: number, dy: number) => void} panBy - In CSS pixels.
 * @property {() => void} whole
 * @property {() => boolean} zoomed
 */

/**
 * Listen to the pictures.
 * @param {HTMLElement} views
 * @param {Deeds} deeds
 * @param {AbortSignal} signal - Ends it.
 */
export function listen(views, deeds, signal) {
  /** @type {Map<number, PointerEvent>} */
  const down = new Map()
  let moved = 0
  const onPicture = (event) => event.composedPath().some((each) => each instanceof HTMLElement && each.classList.contains("frame"))

  views.addEventListener("pointerdown", (event) => {
    if (!onPicture(event)) return
    if (!down.size) moved = 0
    down.set(event.pointerId, event)
  }, { signal })
  // On the window: a drag may leave the picture.
  window.addEventListener("pointermove", (event) => {
    const before = down.get(event.pointerId)
    if (!before) return
    down.set(event.pointerId, event)
    if (down.size === 2) {
      const other = [...down.values()].find(({ pointerId }) => pointerId !== event.pointerId)
      const distance = (a, b) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY)
      const middle = { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 }
      moved = DRAGGED + 1
      deeds.zoomBy(distance(event, other) / Math.max(distance(before, other), 1), middle)
    }
    if (!deeds.zoomed()) return
    const dx = event.clientX - before.clientX, dy = event.clientY - before.clientY
    moved += Math.abs(dx) + Math.abs(dy)
    views.classList.toggle("panning", moved > DRAGGED)
    if (moved > DRAGGED) deeds.panBy(dx / down.size, dy / down.size)
  }, { signal })
  for (const name of ["pointerup", "pointercancel"]) {
    window.addEventListener(name, (event) => {
      down.delete(/** @type {PointerEvent} */ (event).pointerId)
      views.classList.remove("panning")
    }, { signal })
  }
  views.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "touch" && !down.size && onPicture(event)) deeds.hover(deeds.spotAt(event))
  }, { signal })
  views.addEventListener("pointerleave", () => deeds.hover(null), { signal })
  views.addEventListener("click", (event) => {
    if (!onPicture(event) || moved > DRAGGED) return
    const spot = deeds.spotAt(event)
    if (spot) deeds.pick(spot)
  }, { signal })
  views.addEventListener("wheel", (event) => {
    if (!event.ctrlKey || !onPicture(event)) return // else it scrolls the page
    event.preventDefault()
    deeds.zoomBy(Math.exp(clamp(-event.deltaY, -60, 60) / 100), event)
  }, { passive: false, signal })
  views.addEventListener("keydown", (event) => {
    const view = event.composedPath().find((each) => each instanceof HTMLElement && each.classList.contains("view"))
    if (view) pressed(event, /** @type {HTMLElement} */ (view), deeds)
  }, { signal })
}

/**
 * Handle a key on one of the pictures.
 * @param {KeyboardEvent} event
 * @param {HTMLElement} view
 * @param {Deeds} deeds
 */
function pressed(event, view, deeds) {
  const side = view.classList.contains("before") ? "before" : "after"
  const direction = event.ctrlKey || event.metaKey || event.altKey ? undefined : arrowStep(event)
  const length = event.shiftKey ? 10 : 1
  if (direction) deeds.walk(side, direction[0] * length, direction[1] * length)
  else if (event.ctrlKey || event.metaKey) return // the browser's own zoom
  else if (event.key === "+" || event.key === "=") deeds.zoomBy(STEP)
  else if (event.key === "-" || event.key === "−") deeds.zoomBy(1 / STEP)
  else if (event.key === "0") deeds.whole()
  else if (event.key === "Escape") deeds.unpin()
  else return
  event.preventDefault()
}

/**
 * Let the divider be dragged, and moved by keys.
 * @param {HTMLElement} divider
 * @param {HTMLElement} views
 * @param {() => number} place - Where it is, 0 to 1.
 * @param {(place: number) => void} moveTo
 * @param {AbortSignal} signal
 */
export function listenToDivider(divider, views, place, moveTo, signal) {
  divider.addEventListener("pointerdown", (event) => {
    divider.setPointerCapture(event.pointerId)
    event.preventDefault()
    divider.focus()
  }, { signal })
  divider.addEventListener("pointermove", (event) => {
    if (!divider.hasPointerCapture(event.pointerId)) return
    const frame = views.querySelector(".frame").getBoundingClientRect()
    moveTo(clamp((event.clientX - frame.left) / frame.width, 0, 1))
  }, { signal })
  divider.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 }[event.key]
    if (!step) return
    event.preventDefault()
    moveTo(clamp(place() + step, 0, 1))
  }, { signal })
}
