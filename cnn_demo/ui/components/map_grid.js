// Feature maps as a grid: a radio group in pictures. Arrow keys move through it, across and down.

function tile() {
  const button = document.createElement("button")
  button.type = "button"
  button.setAttribute("role", "radio")
  button.append(document.createElement("img"), document.createElement("span"))
  return button
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const grid = parentElement.querySelector(".grid")
  grid.setAttribute("aria-label", data.label)
  const [height, width] = data.size
  grid.style.setProperty("--tile", data.tiles.length > 16 ? "76px" : "104px")

  // Tiles are used again: a press must find the button that its release is on.
  while (grid.children.length > data.tiles.length) grid.lastChild.remove()
  while (grid.children.length < data.tiles.length) grid.append(tile())
  data.tiles.forEach((item, index) => {
    const button = grid.children[index]
    const [img, label] = button.children
    if (img.getAttribute("src") !== item.src) img.src = item.src
    img.alt = item.alt
    img.style.aspectRatio = `${Math.min(Math.max(width / height, 0.25), 4)}`
    img.classList.toggle("pixelated", Math.max(width, height) < 80)
    label.textContent = item.title
    button.title = item.title
    button.setAttribute("aria-checked", String(index === data.chosen))
    button.tabIndex = index === data.chosen ? 0 : -1
    button.onclick = () => setTriggerValue("pick", index)
  })

  grid.onkeydown = (event) => {
    const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key]
    if (!step) return
    event.preventDefault()
    const next = [...grid.children].indexOf(event.target.closest("button")) + step
    if (next < 0 || next >= data.tiles.length) return
    grid.children[next].focus()
    setTriggerValue("pick", next)
  }
}
