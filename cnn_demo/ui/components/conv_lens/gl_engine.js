// Convolution by WebGL2: every pass draws into a texture of floats, the last one into the canvas.

import { RED_BLUE, appliedKernel, outputSize, paddingAmounts, sampledStep, separated, signedScale } from "../conv_math.js"

const MODES = { zeros: 0, reflect: 1, replicate: 2, circular: 3 }
const ACTIVATION_NUMBERS = { none: 0, abs: 1, relu: 2, sigmoid: 3, tanh: 4 }
const DISPLAY_NUMBERS = { clip: 0, absolute: 1, stretch: 2, signed: 3 }
const BLOCK = 16 // pixels a side of which one pass finds the smallest and the largest value
const UNIFORMS = 240 // vectors that the shader with 15 × 15 weights needs

const VERTEX = `#version 300 es
void main() { gl_Position = vec4(vec2((gl_VertexID << 1) & 2, gl_VertexID & 2) * 2.0 - 1.0, 0.0, 1.0); }`

const HEAD = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
uniform sampler2D source;
uniform ivec2 size;
out vec4 result;`

const SHADERS = {
  pad: `${HEAD}
uniform ivec2 before;
uniform int mode;
uniform bool grey;
int indexOf(int at, int n) {
  if (at >= 0 && at < n) return at;
  if (mode == 2) return at < 0 ? 0 : n - 1;
  if (mode == 3) return ((at % n) + n) % n;
  if (mode == 0) return -1;
  if (n == 1) return 0;
  int period = 2 * (n - 1);
  int within = ((at % period) + period) % period;
  return within < n ? within : period - within;
}
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy) - before;
  int x = indexOf(at.x, size.x);
  int y = indexOf(at.y, size.y);
  vec4 value = x < 0 || y < 0 ? vec4(0.0) : texelFetch(source, ivec2(x, y), 0);
  result = grey ? vec4(vec3((value.r + value.g + value.b) / 3.0), 1.0) : value;
}`,
  convolve: `${HEAD}
uniform ivec2 stride;
uniform ivec2 dilation;
uniform ivec2 kernelSize;
uniform float weights[225];
uniform float bias;
uniform int activation;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy) * stride;
  vec3 sum = vec3(0.0);
  for (int u = 0; u < kernelSize.y; u++) {
    for (int v = 0; v < kernelSize.x; v++) {
      sum += weights[u * kernelSize.x + v] * texelFetch(source, at + ivec2(v, u) * dilation, 0).rgb;
    }
  }
  sum += bias;
  if (activation == 1) sum = abs(sum);
  if (activation == 2) sum = max(sum, 0.0);
  if (activation == 3) sum = 0.5 + 0.5 * tanh(clamp(0.5 * sum, -20.0, 20.0));
  if (activation == 4) sum = tanh(clamp(sum, -20.0, 20.0));
  result = vec4(sum, 1.0);
}`,
  reduce: `${HEAD}
void main() {
  ivec2 begin = ivec2(gl_FragCoord.xy) * ${BLOCK};
  ivec2 end = min(begin + ${BLOCK}, size);
  vec4 found = vec4(3e38, -3e38, 3e38, -3e38);
  for (int y = begin.y; y < end.y; y++) {
    for (int x = begin.x; x < end.x; x++) {
      vec3 v = texelFetch(source, ivec2(x, y), 0).rgb;
      float mean = (v.r + v.g + v.b) / 3.0;
      found = vec4(min(found.r, min(v.r, min(v.g, v.b))), max(found.g, max(v.r, max(v.g, v.b))),
        min(found.b, mean), max(found.a, mean));
    }
  }
  result = found;
}`,
  sample_: `${HEAD}
uniform int apart;
void main() {
  ivec2 first = ivec2(int(gl_FragCoord.x) * 4, int(gl_FragCoord.y));
  vec4 found = vec4(0.0);
  for (int i = 0; i < 4; i++) {
    vec3 v = texelFetch(source, min(ivec2(first.x + i, first.y) * apart, size - 1), 0).rgb;
    found[i] = abs((v.r + v.g + v.b) / 3.0);
  }
  result = found;
}`,
  display: `${HEAD}
uniform sampler2D table;
uniform int display;
uniform float low;
uniform float factor;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  vec3 v = texelFetch(source, ivec2(at.x, size.y - 1 - at.y), 0).rgb;
  if (display == 3) {
    int entry = clamp(int(floor((v.r + v.g + v.b) / 3.0 * factor + 127.5)), 0, 254);
    result = texelFetch(table, ivec2(entry, 0), 0);
    return;
  }
  if (display == 1) v = abs(v);
  if (display == 2) v = factor == 0.0 ? vec3(0.5) : (v - low) * factor;
  result = vec4(clamp(v, 0.0, 1.0), 1.0);
}`,
}

/**
 * Compile a program.
 * @param {WebGL2RenderingContext} gl
 * @param {string} fragment
 * @returns {{program: WebGLProgram, at: (name: string) => WebGLUniformLocation | null}}
 */
function compiled(gl, fragment) {
  const program = gl.createProgram()
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(/** @type {number} */ (kind))
    gl.shaderSource(shader, /** @type {string} */ (text))
    gl.compileShader(shader)
    gl.attachShader(program, shader)
  }
  gl.linkProgram(program)
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error("A shader could not be compiled.")
  const places = new Map()
  return {
    program,
    at: (name) => {
      if (!places.has(name)) places.set(name, gl.getUniformLocation(program, name))
      return places.get(name)
    },
  }
}

/**
 * Textures that passes draw into, kept by name for as long as their size stays.
 * @param {WebGL2RenderingContext} gl
 * @returns {(name: string, size: [number, number], floats: boolean) => {texture: WebGLTexture, frame: WebGLFramebuffer, size: [number, number]}}
 */
function textures(gl) {
  const kept = new Map()
  return (name, size, floats) => {
    const key = `${size} ${floats}`
    let entry = kept.get(name)
    if (entry?.key === key) return entry
    entry ??= { texture: gl.createTexture(), frame: gl.createFramebuffer() }
    Object.assign(entry, { key, size })
    gl.bindTexture(gl.TEXTURE_2D, entry.texture)
    const [format, type] = floats ? [gl.RGBA32F, gl.FLOAT] : [gl.RGBA8, gl.UNSIGNED_BYTE]
    gl.texImage2D(gl.TEXTURE_2D, 0, format, size[1], size[0], 0, gl.RGBA, type, null)
    unfiltered(gl)
    gl.bindFramebuffer(gl.FRAMEBUFFER, entry.frame)
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, entry.texture, 0)
    kept.set(name, entry)
    return entry
  }
}

/**
 * Let the bound texture be read texel by texel.
 * @param {WebGL2RenderingContext} gl
 */
function unfiltered(gl) {
  for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, gl.NEAREST)
  for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE)
}

/**
 * Whether the browser draws WebGL by the processor; plain loops over typed arrays are then faster.
 * @param {WebGL2RenderingContext} gl
 * @returns {boolean}
 */
function drawnByProcessor(gl) {
  const extension = gl.getExtension("WEBGL_debug_renderer_info")
  const name = gl.getParameter(extension ? extension.UNMASKED_RENDERER_WEBGL : gl.RENDERER)
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(String(name))
}

/**
 * Set up WebGL2 on a new canvas.
 * @param {boolean} anyRenderer - Also take WebGL that the processor draws.
 * @returns {import("./typed_engine.js").Engine | null} Null if there is no WebGL2 with textures of floats.
 */
export function webglEngine(anyRenderer) {
  const canvas = document.createElement("canvas")
  const options = { alpha: false, antialias: false, depth: false, preserveDrawingBuffer: true }
  const gl = canvas.getContext("webgl2", options)
  if (!gl?.getExtension("EXT_color_buffer_float")) return null
  if (gl.getParameter(gl.MAX_FRAGMENT_UNIFORM_VECTORS) < UNIFORMS) return null
  if (!anyRenderer && drawnByProcessor(gl)) {
    gl.getExtension("WEBGL_lose_context")?.loseContext()
    return null
  }
  let programs
  try {
    programs = Object.fromEntries(Object.entries(SHADERS).map(([name, text]) => [name, compiled(gl, text)]))
  } catch { // a driver that cannot compile them
    return null
  }
  return new WebglEngine(gl, canvas, programs)
}

class WebglEngine {
  /**
   * @param {WebGL2RenderingContext} gl
   * @param {HTMLCanvasElement} canvas
   * @param {Record<string, {program: WebGLProgram, at: (name: string) => WebGLUniformLocation | null}>} programs
   */
  constructor(gl, canvas, programs) {
    this.name = "webgl"
    this.gl = gl
    this.canvas = canvas
    this.programs = programs
    this.target = textures(gl)
    this.limit = gl.getParameter(gl.MAX_TEXTURE_SIZE)
    this.photo = gl.createTexture()
    this.table = gl.createTexture()
    const colours = new Uint8Array(255 * 4)
    for (let i = 0; i < 255; i++) colours.set([...RED_BLUE.subarray(3 * i, 3 * i + 3), 255], 4 * i)
    gl.bindTexture(gl.TEXTURE_2D, this.table)
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 255, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, colours)
    unfiltered(gl)
    gl.bindVertexArray(gl.createVertexArray())
  }

  /** Whether the browser has taken the context away. */
  get lost() {
    return this.gl.isContextLost()
  }

  /** @param {import("./typed_engine.js").LensImage} image */
  setImage(image) {
    const { gl } = this
    this.size = image.size
    gl.bindTexture(gl.TEXTURE_2D, this.photo)
    gl.texImage2D(
      gl.TEXTURE_2D, 0, gl.RGBA8, image.size[1], image.size[0], 0, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(image.bytes.buffer)
    )
    unfiltered(gl)
  }

  /**
   * Run one program into a texture, or into the canvas.
   * @param {string} name
   * @param {{texture: WebGLTexture, size: [number, number]}} source
   * @param {{frame: WebGLFramebuffer, size: [number, number]} | null} target
   * @param {[number, number]} outSize
   * @param {(at: (name: string) => WebGLUniformLocation | null) => void} [set] - Sets the uniforms.
   */
  pass(name, source, target, outSize, set) {
    const { gl } = this
    const { program, at } = this.programs[name]
    gl.bindFramebuffer(gl.FRAMEBUFFER, target ? target.frame : null)
    gl.viewport(0, 0, outSize[1], outSize[0])
    gl.useProgram(program)
    gl.activeTexture(gl.TEXTURE0)
    gl.bindTexture(gl.TEXTURE_2D, source.texture)
    gl.uniform1i(at("source"), 0)
    gl.uniform2i(at("size"), source.size[1], source.size[0])
    set?.(at)
    gl.drawArrays(gl.TRIANGLES, 0, 3)
  }

  /**
   * Run one pass of a convolution.
   * @param {{texture: WebGLTexture, size: [number, number]}} source - With its padding.
   * @param {string} name - Of the texture that receives the result.
   * @param {{weights: Float32Array, size: [number, number], stride: [number, number], dilation: [number, number]}} filter
   * @param {[number, number]} out
   * @param {number} bias
   * @param {number} activation
   * @returns {{texture: WebGLTexture, frame: WebGLFramebuffer, size: [number, number]}}
   */
  filter(source, name, filter, out, bias, activation) {
    const { gl } = this
    const target = this.target(name, out, true)
    this.pass("convolve", source, target, out, (at) => {
      gl.uniform2i(at("stride"), filter.stride[1], filter.stride[0])
      gl.uniform2i(at("dilation"), filter.dilation[1], filter.dilation[0])
      gl.uniform2i(at("kernelSize"), filter.size[1], filter.size[0])
      gl.uniform1fv(at("weights"), filter.weights)
      gl.uniform1f(at("bias"), bias)
      gl.uniform1i(at("activation"), activation)
    })
    return target
  }

  /**
   * Convolve the photo and draw it into the canvas.
   * @param {import("./typed_engine.js").Job} job
   * @returns {import("./typed_engine.js").Drawn | null} Null if the kernel does not fit.
   */
  render(job) {
    const { gl } = this
    const out = outputSize(this.size, job.kernel.size, job.spec)
    if (!out || this.lost) return null
    const amounts = paddingAmounts(this.size, job.kernel.size, job.spec)
    const paddedSize = /** @type {[number, number]} */ ([0, 1].map((axis) => this.size[axis] + amounts[axis][0] + amounts[axis][1]))
    if (Math.max(...paddedSize) > this.limit) return null
    const padded = this.target(job.grey ? "grey" : "padded", paddedSize, job.grey)
    this.pass("pad", { texture: this.photo, size: this.size }, padded, paddedSize, (at) => {
      gl.uniform2i(at("before"), amounts[1][0], amounts[0][0])
      gl.uniform1i(at("mode"), MODES[job.spec.mode])
      gl.uniform1i(at("grey"), job.grey ? 1 : 0)
    })
    const weights = appliedKernel(job.kernel.weights, job.spec)
    const factors = separated(weights, job.kernel.size)
    const { stride, dilation } = job.spec
    const number = ACTIVATION_NUMBERS[job.activation]
    let values
    if (factors) {
      const [rows, columns] = job.kernel.size
      const across = { weights: factors.row, size: [1, columns], stride: [1, stride[1]], dilation: [1, dilation[1]] }
      const down = { weights: factors.column, size: [rows, 1], stride: [stride[0], 1], dilation: [dilation[0], 1] }
      const between = this.filter(padded, "between", /** @type {any} */ (across), [paddedSize[0], out[1]], 0, 0)
      values = this.filter(between, "values", /** @type {any} */ (down), out, job.bias, number)
    } else {
      values = this.filter(padded, "values", { weights, size: job.kernel.size, stride, dilation }, out, job.bias, number)
    }
    const range = this.range(values, job.display)
    this.show(values, job.display, range)
    return { size: out, range }
  }

  /**
   * Measure the range that a display needs.
   * @param {{texture: WebGLTexture, size: [number, number]}} values
   * @param {string} display
   * @returns {import("../conv_math.js").Range}
   */
  range(values, display) {
    if (display !== "signed" && display !== "stretch") return { low: 0, high: 1, scale: 1 }
    const blocks = /** @type {[number, number]} */ (values.size.map((side) => Math.ceil(side / BLOCK)))
    const found = this.read("reduce", values, blocks)
    let low = Infinity, high = -Infinity
    const first = display === "signed" ? 2 : 0
    for (let i = first; i < found.length; i += 4) {
      low = Math.min(low, found[i])
      high = Math.max(high, found[i + 1])
    }
    if (display === "stretch") return { low, high, scale: 1 }
    const apart = sampledStep(values.size)
    const [rows, columns] = values.size.map((side) => Math.ceil(side / apart))
    const packed = this.read("sample_", values, [rows, Math.ceil(columns / 4)], (at) => this.gl.uniform1i(at("apart"), apart))
    const width = Math.ceil(columns / 4) * 4
    const magnitudes = width === columns ? packed : new Float32Array(rows * columns)
    if (width !== columns) {
      for (let y = 0; y < rows; y++) magnitudes.set(packed.subarray(y * width, y * width + columns), y * columns)
    }
    return { low, high, scale: signedScale(magnitudes, Math.max(-low, high, 0)) }
  }

  /**
   * Run a pass and return the floats that it wrote.
   * @param {string} name
   * @param {{texture: WebGLTexture, size: [number, number]}} source
   * @param {[number, number]} size
   * @param {(at: (name: string) => WebGLUniformLocation | null) => void} [set]
   * @returns {Float32Array}
   */
  read(name, source, size, set) {
    const floats = new Float32Array(4 * size[0] * size[1])
    this.pass(name, source, this.target(name, size, true), size, set)
    this.gl.readPixels(0, 0, size[1], size[0], this.gl.RGBA, this.gl.FLOAT, floats)
    return floats
  }

  /**
   * Draw values into the canvas.
   * @param {{texture: WebGLTexture, size: [number, number]}} values
   * @param {string} display
   * @param {import("../conv_math.js").Range} range
   */
  show(values, display, range) {
    const { gl, canvas } = this
    const [height, width] = values.size
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
    gl.activeTexture(gl.TEXTURE1)
    gl.bindTexture(gl.TEXTURE_2D, this.table)
    const spread = display === "stretch" ? range.high - range.low : 0
    const factor = display === "signed" ? 127 / (range.scale || 1) : spread > 0 ? 1 / spread : 0
    this.pass("display", values, null, values.size, (at) => {
      gl.uniform1i(at("table"), 1)
      gl.uniform1i(at("display"), DISPLAY_NUMBERS[display])
      gl.uniform1f(at("low"), range.low)
      gl.uniform1f(at("factor"), factor)
    })
  }

  /** Wait until the canvas is drawn, for a measurement. */
  finish() {
    this.gl.readPixels(0, 0, 1, 1, this.gl.RGBA, this.gl.UNSIGNED_BYTE, new Uint8Array(4))
  }

  /** Give the context back: a page may have a few only. */
  release() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext()
  }
}
