// Small pictures in a grid, cut from one; where they can be picked, a radio group that the arrow keys move through.

function tile(clickable) {
  const element = document.createElement(clickable ? "button" : "div")
  if (clickable) element.type = "button"
  element.setAttribute("role", clickable ? "radio" : "img")
  element.className = "tile"
  element.append(document.createElement("canvas"), document.createElement("span"))
  return element
}

function paint(grid, data, image) {
  data.items.forEach((_, at) => {
    const canvas = grid.children[at].firstChild
    canvas.width = data.width
    canvas.height = data.height
    canvas.getContext("2d").drawImage(
      image, 0, at * data.height, data.width, data.height, 0, 0, data.width, data.height)
  })
}

function scrollTo(grid, element) { // into the grid's view, without scrolling the page
  const top = element.offsetTop - grid.offsetTop
  const bottom = top + element.offsetHeight - grid.clientHeight
  if (top < grid.scrollTop) grid.scrollTop = top
  else if (bottom > grid.scrollTop) grid.scrollTop = bottom
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const grid = parentElement.querySelector(".tiles")
  grid.setAttribute("aria-label", data.label)
  grid.setAttribute("role", data.clickable ? "radiogroup" : "group")
  grid.style.gridTemplateColumns = `repeat(auto-fill, minmax(min(${data.tile}px, 100%), ${data.tile}px))`
  grid.style.maxHeight = data.maxHeight ? `${data.maxHeight}px` : ""

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
    element.setAttribute("aria-checked", String(at === chosen))
    element.tabIndex = at === Math.max(chosen, 0) ? 0 : -1
    element.onclick = () => setTriggerValue("pick", item.key)
  })

  const look = JSON.stringify([data.height, data.width, data.items.length])
  if (parentElement.source !== data.src || parentElement.look !== look) {
    parentElement.source = data.src
    parentElement.look = look
    const image = new Image()
    image.onload = () => { if (parentElement.source === data.src) paint(grid, data, image) }
    image.src = data.src
  }
  if (chosen >= 0 && data.maxHeight) scrollTo(grid, grid.children[chosen])

  grid.onkeydown = (event) => {
    const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key]
    if (!step || !data.clickable) return
    event.preventDefault()
    const next = [...grid.children].indexOf(event.target.closest(".tile")) + step
    if (next < 0 || next >= data.items.length) return
    grid.children[next].focus()
    setTriggerValue("pick", data.items[next].key)
  }
}
