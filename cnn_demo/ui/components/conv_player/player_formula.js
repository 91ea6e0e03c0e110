// The formula of one step, in symbols and in numbers.

import { sumOf } from "./player_math.js"

const ALL_TERMS_UP_TO = 9
const LARGEST_TERMS = 4
const ACTIVATION_TITLES = { abs: "abs", relu: "ReLU", sigmoid: "sigmoid", tanh: "tanh" }

/**
 * Write a number with three decimals and a real minus sign.
 * @param {number} value
 * @param {number} [decimals]
 * @returns {string}
 */
export function written(value, decimals = 3) {
  const text = value.toFixed(decimals)
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−")
}

/**
 * Write a weight as briefly as it can be written.
 * @param {number} value
 * @returns {string}
 */
export function writtenWeight(value) {
  const magnitude = Math.abs(value)
  const text = magnitude && magnitude < 0.0005 ? magnitude.toExponential(0) : String(Number(magnitude.toPrecision(3)))
  return (value < 0 ? "−" : "") + text
}

/**
 * Create an element with its content.
 * @param {string} tag
 * @param {string} className
 * @param {...(Node | string)} content
 * @returns {HTMLElement}
 */
export function element(tag, className, ...content) {
  const made = document.createElement(tag)
  if (className) made.className = className
  made.append(...content)
  return made
}

/**
 * Write an index along one axis, such as "2i + u − 1".
 * @param {number} stride
 * @param {string} name - Of the position.
 * @param {number} dilation
 * @param {string} tap
 * @param {number} before - Rows or columns of padding before the plane.
 * @returns {string}
 */
function indexText(stride, name, dilation, tap, before) {
  const times = (factor) => (factor > 1 ? factor : "")
  return `${times(stride)}${name} + ${times(dilation)}${tap}${before ? ` − ${before}` : ""}`
}

/**
 * Return the formula of an operation in symbols.
 * @param {import("./player_math.js").Plan} plan
 * @returns {string}
 */
export function symbols(plan) {
  const { operation, amounts } = plan
  const { kind, size, stride, dilation, flip, bias, activation } = operation
  const at = `[${indexText(stride[0], "i", dilation[0], "u", amounts[0][0])}, ${indexText(stride[1], "j", dilation[1], "v", amounts[1][0])}]`
  if (kind === "convolution") {
    const weight = flip ? `w[${size[0] - 1} − u, ${size[1] - 1} − v]` : "w[u, v]"
    const sum = `Σ ${weight} · x${at}${bias ? " + b" : ""}`
    return activation === "none" ? `y[i, j] = ${sum}` : `y[i, j] = ${ACTIVATION_TITLES[activation]}(${sum})`
  }
  const windowed = `x${at}`, range = `,  u < ${size[0]}, v < ${size[1]}`
  if (kind === "max" || kind === "min") return `y[i, j] = ${kind} ${windowed}${range}`
  if (kind === "average") return `y[i, j] = mean ${windowed}${range}`
  if (kind === "l2") return `y[i, j] = √Σ ${windowed}²${range}`
  if (kind === "blur") {
    const name = Math.max(...size) > 1 ? "m" : "x"
    const blurred = `y[i, j] = Σ b[u, v] · ${name}[${indexText(stride[0], "i", 1, "u", stride[0])}, ${indexText(stride[1], "j", 1, "v", stride[1])}]`
    return name === "x" ? blurred : `m[r, c] = max x[r + u, c + v],  ${blurred}`
  }
  const crop = typeof operation.padding === "string" ? [0, 0] : operation.padding
  const to = `[${indexText(stride[0], "i", dilation[0], "u", crop[0])}, ${indexText(stride[1], "j", dilation[1], "v", crop[1])}]`
  return `y${to} += w[u, v] · x[i, j]`
}

/**
 * Return the arithmetic of one step in numbers.
 * @param {import("./player_math.js").Plan} plan
 * @param {import("./player_math.js").Tap[]} taps
 * @param {number} index - Of the step.
 * @param {number} result - Value of the step's cell; of no meaning for a stamp.
 * @returns {Node[]}
 */
export function numbers(plan, taps, index, result) {
  const { kind, bias, activation } = plan.operation
  const place = `[${Math.floor(index / plan.walk[1])}, ${index % plan.walk[1]}]`
  if (kind === "transposed") return stampNumbers(taps, place)
  const head = element("strong", "", `y${place}`)
  if (kind === "max" || kind === "min") return [head, " = ", kind, "(", ...listed(taps, kind), ") = ", total(result)].map(asNode)
  if (kind === "average") {
    return [head, " = (", ...summed(taps, (tap) => [written(tap.value)]), `) / ${taps.length} = `, total(result)].map(asNode)
  }
  if (kind === "l2") {
    return [head, " = √(", ...summed(taps, (tap) => [written(tap.value), "²"]), ") = ", total(result)].map(asNode)
  }
  const sum = sumOf(taps)
  const parts = [head, " = ", ...summed(taps, (tap) => [weightOf(tap), " · ", written(tap.value)])]
  if (bias) parts.push(` ${bias < 0 ? "−" : "+"} ${written(Math.abs(bias))} (bias)`)
  if (activation !== "none") parts.push(" = ", written(sum + bias, 4), `, ${ACTIVATION_TITLES[activation]}: `)
  else parts.push(" = ")
  return [...parts, total(result)].map(asNode)
}

/**
 * Return a text as a node.
 * @param {Node | string} part
 * @returns {Node}
 */
function asNode(part) {
  return typeof part === "string" ? document.createTextNode(part) : part
}

/**
 * Return the result of a sum, in bold.
 * @param {number} value
 * @returns {HTMLElement}
 */
function total(value) {
  return element("strong", "total", written(value, 4))
}

/**
 * Return a weight, coloured by its sign.
 * @param {import("./player_math.js").Tap} tap
 * @returns {HTMLElement}
 */
function weightOf(tap) {
  return element("span", tap.weight < 0 ? "minus" : tap.weight > 0 ? "plus" : "", writtenWeight(tap.weight))
}

/**
 * Return terms with plus signs between them; of a long sum the largest.
 * @param {import("./player_math.js").Tap[]} taps
 * @param {(tap: import("./player_math.js").Tap) => (Node | string)[]} term
 * @returns {(Node | string)[]}
 */
function summed(taps, term) {
  const all = taps.length <= ALL_TERMS_UP_TO
  const size = (tap) => Math.abs(tap.value * (tap.weight || 0)) // of an average and a norm, the largest values
  const chosen = all ? taps : [...taps].sort((one, other) => size(other) - size(one)).slice(0, LARGEST_TERMS)
  const parts = chosen.flatMap((tap, at) => [at ? " + " : "", element("span", tap.inside ? "term" : "term outside", ...term(tap))])
  return all ? parts : [...parts, ` + … (${taps.length} terms, the largest first)`]
}

/**
 * Return the values that a maximum or minimum is taken of, with the first extreme in bold.
 * @param {import("./player_math.js").Tap[]} taps
 * @param {string} kind
 * @returns {(Node | string)[]}
 */
function listed(taps, kind) {
  const all = taps.length <= ALL_TERMS_UP_TO
  const sign = kind === "min" ? 1 : -1
  const chosen = all ? taps : [...taps].sort((one, other) => sign * (one.value - other.value)).slice(0, LARGEST_TERMS)
  const parts = chosen.flatMap((tap, at) => [at ? ", " : "", element("span", tap.weight ? "term winner" : "term", written(tap.value))])
  return all ? parts : [...parts, `, … (${taps.length} values)`]
}

/**
 * Return the arithmetic of a stamp.
 * @param {import("./player_math.js").Tap[]} taps
 * @param {string} place
 * @returns {Node[]}
 */
function stampNumbers(taps, place) {
  const drawn = taps.filter((tap) => tap.inside)
  const all = drawn.length <= LARGEST_TERMS
  const chosen = all ? drawn : [...drawn].sort((one, other) => Math.abs(other.weight) - Math.abs(one.weight)).slice(0, LARGEST_TERMS)
  const value = taps[0].value
  const parts = [element("strong", "", `x${place} = ${written(value)}`), " adds "]
  chosen.forEach((tap, at) => parts.push(
    at ? ", " : "", weightOf(tap), ` · ${written(value)} = `,
    element("strong", "", written(tap.value * tap.weight)), ` to y[${tap.row}, ${tap.column}]`,
  ))
  if (!chosen.length) parts.push("to no cell: all of its stamp is cropped")
  else if (!all) parts.push(`, … (${drawn.length} cells)`)
  return parts.map(asNode)
}
