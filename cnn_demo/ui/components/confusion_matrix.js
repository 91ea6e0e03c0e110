// A confusion matrix as a table: each cell that holds photos is a button. Arrow keys move to the next such cell.

function cell(name, text, attributes = {}) {
  const element = document.createElement(name)
  element.textContent = text // names come from strangers: never markup
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  return element
}

function build(table, data) {
  const count = data.names.length
  const head = document.createElement("thead")
  const names = document.createElement("tr")
  names.append(cell("th", data.corner, { class: "axis" }))
  for (const name of data.names) names.append(cell("th", name, { scope: "col", title: name }))
  head.append(names)
  const body = document.createElement("tbody")
  data.names.forEach((name, row) => {
    const line = document.createElement("tr")
    line.append(cell("th", name, { scope: "row", title: name }))
    for (let column = 0; column < count; column += 1) {
      const { photos, title, share } = data.cells[row * count + column]
      const place = document.createElement("td")
      if (photos) {
        const button = cell("button", photos, { type: "button", title, "aria-label": title, role: "radio" })
        button.className = row === column ? "right" : "wrong"
        button.style.setProperty("--share", share)
        button.dataset.index = row * count + column
        place.append(button)
      } else {
        place.append(cell("span", "·", { title, "aria-label": title }))
      }
      line.append(place)
    }
    body.append(line)
  })
  table.replaceChildren(cell("caption", data.caption), head, body)
}

function towards(button, [down, right], count) { // the next cell that way that holds photos
  const index = Number(button.dataset.index)
  let [row, column] = [Math.floor(index / count) + down, (index % count) + right]
  while (row >= 0 && row < count && column >= 0 && column < count) {
    const found = button.closest("table").querySelector(`[data-index="${row * count + column}"]`)
    if (found) return found
    row += down
    column += right
  }
  return null
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const table = parentElement.querySelector(".matrix")
  table.setAttribute("aria-label", data.label)
  // Built anew only when its numbers are others: a press must find the button that its release is on.
  const look = JSON.stringify([data.names, data.cells, data.corner, data.caption])
  if (parentElement.look !== look) {
    parentElement.look = look
    build(table, data)
  }
  const buttons = [...table.querySelectorAll("button")]
  const chosen = buttons.find((button) => Number(button.dataset.index) === data.chosen)
  for (const button of buttons) {
    button.setAttribute("aria-checked", String(button === chosen))
    button.tabIndex = button === (chosen ?? buttons[0]) ? 0 : -1
    button.onclick = () => setTriggerValue("pick", Number(button.dataset.index))
  }
  table.onkeydown = (event) => {
    const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key]
    const button = event.target.closest("button")
    if (!step || !button) return
    event.preventDefault()
    const next = towards(button, step, data.names.length)
    if (!next) return
    next.focus()
    next.click()
  }
}
