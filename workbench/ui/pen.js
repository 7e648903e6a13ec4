// A sheet of the model's own pixels to draw on: by mouse, pen or finger, and by keyboard. The lines are kept in pixels
// of the image, so that Python can paint them anew at any size; each finished line is told at once.

const sheets = new WeakMap()
const STEP = 0.5 // pixels of the image that an arrow key moves the pen
const NEAR = 0.1 // points nearer than this to the last one add nothing
const HINT = "Draw with the mouse, a pen or a finger. By keyboard: arrow keys move, Space puts the pen down and lifts it, " +
  "Backspace takes a line back."

function element(name, className, parent, text = "") {
  const made = document.createElement(name)
  made.className = className
  made.textContent = text
  parent.append(made)
  return made
}

class Sheet {
  constructor(parent, data) {
    this.data = data
    this.strokes = [...(data.strokes ?? [])]
    this.erases = false
    this.width = data.pen
    this.line = null
    this.cursor = [data.width / 2, data.height / 2]
    this.root = element("div", "wb-pen", parent)
    const tools = element("div", "wb-pen-tools", this.root)
    tools.setAttribute("role", "toolbar")
    tools.setAttribute("aria-label", "Drawing")
    this.pen = this.tool(tools, "Pen", () => this.choose(false))
    this.eraser = this.tool(tools, "Eraser", () => this.choose(true))
    this.undo = this.tool(tools, "Undo", () => this.back())
    this.clear = this.tool(tools, "Clear", () => this.empty())
    const label = element("label", "wb-pen-width", tools, "Width ")
    this.slider = element("input", "", label)
    Object.assign(this.slider, { type: "range", min: 0.5, max: Math.max(4, data.pen * 3), step: 0.1, value: data.pen })
    this.slider.oninput = () => { this.width = Number(this.slider.value) }
    this.canvas = element("canvas", "wb-pen-canvas", this.root)
    this.canvas.tabIndex = 0
    this.canvas.setAttribute("role", "application")
    this.canvas.setAttribute("aria-roledescription", "drawing area")
    this.scale = Math.max(6, Math.round(640 / Math.max(data.width, data.height)))
    this.canvas.width = data.width * this.scale
    this.canvas.height = data.height * this.scale
    element("div", "wb-pen-hint", this.root, HINT)
    this.said = element("div", "wb-pen-said", this.root)
    this.said.setAttribute("role", "status")
    this.listen()
  }

  tool(parent, text, act) {
    const button = element("button", "wb-pen-tool", parent, text)
    button.type = "button"
    button.onclick = act
    return button
  }

  listen() {
    const canvas = this.canvas
    canvas.onpointerdown = (event) => {
      if (event.button > 0 || this.line) return
      canvas.setPointerCapture(event.pointerId)
      this.pointer = event.pointerId
      this.start(this.place(event))
      canvas.focus({ preventScroll: true })
      event.preventDefault()
    }
    canvas.onpointermove = (event) => {
      if (!this.line || event.pointerId !== this.pointer) return
      const all = event.getCoalescedEvents?.() ?? []
      for (const one of all.length ? all : [event]) this.add(this.place(one))
      this.paint()
    }
    canvas.onpointerup = canvas.onpointercancel = (event) => event.pointerId === this.pointer && this.finish()
    canvas.onkeydown = (event) => this.key(event)
    canvas.onblur = () => this.finish()
    canvas.onfocus = () => this.paint()
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect()
    return [
      ((event.clientX - box.left) / box.width) * this.data.width,
      ((event.clientY - box.top) / box.height) * this.data.height,
    ]
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
    if (event.key in moves) {
      const step = event.shiftKey ? 4 * STEP : STEP
      const limit = [this.data.width, this.data.height]
      this.cursor = this.cursor.map((at, axis) => Math.min(limit[axis], Math.max(0, at + moves[event.key][axis] * step)))
      this.byKey = true
      if (this.line) this.add(this.cursor)
      this.paint()
    } else if (event.key === " ") {
      this.byKey = true
      if (this.line) this.finish()
      else this.start(this.cursor)
    } else if (event.key === "Escape" && this.line) {
      this.finish()
    } else if (event.key === "Backspace" || event.key === "Delete" || (event.key === "z" && (event.ctrlKey || event.metaKey))) {
      this.back()
    } else {
      return
    }
    event.preventDefault()
    event.stopPropagation() // Streamlit has shortcuts of its own
  }

  start(at) {
    this.line = { points: [], width: this.width, erases: this.erases }
    this.add(at)
    this.paint()
    if (this.byKey) this.say(this.erases ? "Eraser down" : "Pen down")
  }

  add(at) {
    const last = this.line.points.at(-1)
    if (last && Math.hypot(at[0] - last[0], at[1] - last[1]) < NEAR) return
    this.line.points.push(at.map((number) => Math.round(number * 100) / 100))
    this.cursor = at
  }

  finish() {
    if (!this.line) return
    this.strokes.push(this.line)
    this.line = null
    this.paint()
    this.say(`${this.strokes.length} ${this.strokes.length === 1 ? "line" : "lines"}`)
    this.tell(this.strokes)
  }

  back() {
    if (this.line) return void (this.line = null, this.paint())
    if (!this.strokes.length) return
    this.strokes.pop()
    this.paint()
    this.say("The last line is gone")
    this.tell(this.strokes)
  }

  empty() {
    this.line = null
    if (!this.strokes.length) return
    this.strokes = []
    this.paint()
    this.say("The drawing is empty")
    this.tell(this.strokes)
  }

  choose(erases) {
    this.erases = erases
    this.paint()
  }

  say(text) {
    this.said.textContent = text
  }

  show(data) {
    this.data = data
    this.canvas.setAttribute("aria-label", data.label)
    this.paint()
  }

  paint() {
    const { width, height, base, light } = this.data
    const context = this.canvas.getContext("2d")
    const [paper, ink] = light ? ["#000000", "#FFFFFF"] : ["#FFFFFF", "#000000"]
    context.fillStyle = paper
    context.fillRect(0, 0, this.canvas.width, this.canvas.height)
    if (base) {
      const bytes = Uint8Array.from(atob(base), (letter) => letter.charCodeAt(0))
      bytes.forEach((value, i) => {
        const shade = light ? value : 255 - value
        context.fillStyle = `rgb(${shade},${shade},${shade})`
        context.fillRect((i % width) * this.scale, Math.floor(i / width) * this.scale, this.scale, this.scale)
      })
    }
    for (const line of this.line ? [...this.strokes, this.line] : this.strokes) this.trace(context, line, line.erases ? paper : ink)
    if (this.byKey && this.root.getRootNode().activeElement === this.canvas) this.cross(context)
    this.pen.setAttribute("aria-pressed", String(!this.erases))
    this.eraser.setAttribute("aria-pressed", String(this.erases))
    this.undo.disabled = this.clear.disabled = !this.strokes.length
  }

  trace(context, line, colour) {
    context.strokeStyle = colour
    context.lineWidth = line.width * this.scale
    context.lineCap = context.lineJoin = "round"
    context.beginPath()
    line.points.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](x * this.scale, y * this.scale))
    if (line.points.length === 1) context.lineTo(line.points[0][0] * this.scale + 0.01, line.points[0][1] * this.scale)
    context.stroke()
  }

  cross(context) {
    const [x, y] = this.cursor.map((at) => at * this.scale)
    context.strokeStyle = "#E69F00"
    context.lineWidth = 3
    context.beginPath()
    context.arc(x, y, Math.max(6, (this.width * this.scale) / 2), 0, 2 * Math.PI)
    context.stroke()
  }
}

export default function (component) {
  const { data, parentElement, setStateValue } = component
  let sheet = sheets.get(parentElement)
  if (!sheet) {
    sheet = new Sheet(parentElement, data)
    sheets.set(parentElement, sheet)
  }
  sheet.tell = (strokes) => setStateValue("strokes", strokes.map((line) => ({ ...line })))
  sheet.show(data)
  return () => {
    sheets.delete(parentElement)
    sheet.root.remove()
  }
}
