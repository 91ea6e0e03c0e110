// A picture drawn to scale, with rectangles marked on it, on which one can pick a pixel by click, tap or arrow keys.

const SVG = "http://www.w3.org/2000/svg"
const SMALLEST_MARK = 9 // CSS pixels: a smaller rectangle gets a ring around it, or nobody would find it

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high)
}

function draw(svg, picture, frame) {
  svg.setAttribute("viewBox", `0 0 ${picture.width} ${picture.height}`)
  svg.replaceChildren()
  const scale = frame.clientWidth / picture.width || 1
  for (const mark of picture.marks) {
    for (const layer of ["under", "over"]) {
      const rect = document.createElementNS(SVG, "rect")
      for (const [name, value] of Object.entries({
        x: mark.column, y: mark.row, width: mark.width, height: mark.height, class: layer,
      })) rect.setAttribute(name, value)
      svg.append(rect)
      if (Math.max(mark.width, mark.height) * scale < SMALLEST_MARK) {
        const ring = document.createElementNS(SVG, "circle")
        ring.setAttribute("cx", mark.column + mark.width / 2)
        ring.setAttribute("cy", mark.row + mark.height / 2)
        ring.setAttribute("r", SMALLEST_MARK / scale)
        ring.setAttribute("class", layer)
        svg.append(ring)
      }
    }
  }
}

function fit(parentElement, picture) {
  const stage = parentElement.querySelector(".stage")
  const frame = parentElement.querySelector(".frame")
  // Room for the larger picture of the row: its width, or the width that its greatest height allows.
  const room = Math.min(stage.clientWidth, picture.maxHeight * picture.roomWidth / picture.roomHeight)
  const width = room * picture.width * picture.zoom / picture.roomWidth
  frame.style.width = `${width}px`
  frame.style.height = `${width * picture.height / picture.width}px`
  draw(parentElement.querySelector("svg"), picture, frame)
}

function pixelAt(event, frame, picture) {
  const box = frame.getBoundingClientRect()
  return {
    row: clamp(Math.floor((event.clientY - box.top) / box.height * picture.height), 0, picture.height - 1),
    column: clamp(Math.floor((event.clientX - box.left) / box.width * picture.width), 0, picture.width - 1),
  }
}

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }

function moved(event, picture) {
  const mark = picture.marks[0]
  const [rows, columns] = ARROWS[event.key]
  const step = event.shiftKey ? 10 : 1
  const from = mark
    ? { row: mark.row + Math.floor(mark.height / 2), column: mark.column + Math.floor(mark.width / 2) }
    : { row: picture.height >> 1, column: picture.width >> 1 }
  return {
    row: clamp(from.row + rows * step * picture.step[0], 0, picture.height - 1),
    column: clamp(from.column + columns * step * picture.step[1], 0, picture.width - 1),
  }
}

export default function (component) {
  const { data: picture, parentElement, setTriggerValue } = component
  const frame = parentElement.querySelector(".frame")
  const img = parentElement.querySelector("img")

  if (img.getAttribute("src") !== picture.src) img.src = picture.src
  // Most often only the pixels have changed. Measuring the page again would hold up the frame that shows them.
  const { src, ...rest } = picture
  const layout = JSON.stringify(rest)
  if (parentElement.layout === layout) return parentElement.release
  parentElement.layout = layout

  img.alt = picture.alt
  img.classList.toggle("pixelated", picture.pixelated)
  parentElement.querySelector("figcaption").textContent = picture.caption
  frame.classList.toggle("clickable", picture.clickable)
  fit(parentElement, picture)

  if (picture.clickable) {
    frame.tabIndex = 0
    frame.setAttribute("role", "application")
    frame.setAttribute("aria-label", `${picture.alt} Click, or move with the arrow keys, to pick a pixel.`)
    frame.onclick = (event) => setTriggerValue("point", pixelAt(event, frame, picture))
    frame.onkeydown = (event) => {
      if (!(event.key in ARROWS)) return
      event.preventDefault()
      setTriggerValue("point", moved(event, picture))
    }
  } else {
    frame.removeAttribute("tabindex")
    frame.removeAttribute("role")
    frame.onclick = frame.onkeydown = null
  }

  parentElement.picture = picture
  if (!parentElement.observer) {
    parentElement.observer = new ResizeObserver(() => fit(parentElement, parentElement.picture))
    parentElement.observer.observe(parentElement.querySelector(".stage"))
  }
  parentElement.release = () => {
    parentElement.observer?.disconnect()
    parentElement.observer = parentElement.layout = null
  }
  return parentElement.release
}
