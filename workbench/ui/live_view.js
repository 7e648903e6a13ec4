// The numbers and curves of one run, drawn in the browser from what `live_feed.py` gives. Each answer says when there
// will be another; a hidden tab doesn't ask.

const RETRY_SECONDS = 2
let library = null

function plotly(address) {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script")
    script.src = new URL(address, document.baseURI)
    script.onload = () => resolve(window.Plotly)
    script.onerror = () => {
      library = null
      reject(new Error(`${address} can't be loaded`))
    }
    document.head.append(script)
  })
  return library
}

function element(name, className, parent) {
  const made = document.createElement(name)
  made.className = className
  parent.append(made)
  return made
}

class View {
  constructor(parent) {
    this.root = element("div", "wb-live", parent)
    this.cards = element("div", "wb-live-cards", this.root)
    this.warning = element("div", "wb-live-warning", this.root)
    this.warning.setAttribute("role", "status")
    const progress = element("div", "wb-live-progress", this.root)
    this.text = element("div", "wb-live-text", progress)
    this.bar = element("div", "wb-live-bar", progress)
    this.bar.setAttribute("role", "progressbar")
    this.bar.setAttribute("aria-label", "Progress of the run")
    this.filled = element("div", "wb-live-filled", this.bar)
    this.axis = element("div", "wb-live-axis", this.root)
    this.axis.setAttribute("role", "radiogroup")
    this.axis.setAttribute("aria-label", "Axis")
    this.choices = ["time", "step"].map((by) => this.choice(by))
    this.chart = element("div", "wb-live-chart", this.root)
    this.chart.setAttribute("role", "img")
    this.by = "time"
    this.asking = 0
    this.failures = 0
    this.wake = () => document.hidden || this.ask()
  }

  choice(by) {
    const button = element("button", "", this.axis)
    button.type = "button"
    button.setAttribute("role", "radio")
    button.onclick = () => this.choose(by)
    button.onkeydown = (event) => {
      if (!event.key.startsWith("Arrow")) return
      event.preventDefault()
      this.choose(by === "time" ? "step" : "time")
      this.choices.find((other) => other.tabIndex === 0).focus()
    }
    return button
  }

  choose(by) {
    this.by = by
    this.name(this.unit)
    this.ask()
  }

  name(unit) {
    this.unit = unit
    this.choices.forEach((button, i) => {
      const by = ["time", "step"][i]
      button.textContent = `By ${by === "time" ? "time" : unit}`
      button.setAttribute("aria-checked", by === this.by)
      button.tabIndex = by === this.by ? 0 : -1
    })
  }

  /** Take what the page says: which run, and what of it the page shows already. */
  update(data, tell) {
    if (this.data?.run !== data.run) {
      this.stamp = ""
      this.gone = false
    }
    this.data = data
    this.tell = tell
    this.told = data.page
    this.start()
  }

  start() {
    document.addEventListener("visibilitychange", this.wake)
    plotly(this.data.plotly).then(() => this.draw(), () => {})
    this.ask()
  }

  stop() {
    document.removeEventListener("visibilitychange", this.wake)
    clearTimeout(this.timer)
    this.asking += 1
  }

  async ask() {
    clearTimeout(this.timer)
    const nth = ++this.asking
    let again = RETRY_SECONDS
    try {
      const asked = new URLSearchParams({ by: this.by, seen: this.stamp })
      const answer = await fetch(new URL(`live/runs/${this.data.run}?${asked}`, document.baseURI))
      if (nth !== this.asking) return
      if (answer.ok) {
        const news = await answer.json()
        if (nth !== this.asking) return
        again = Number(answer.headers.get("Again-In"))
        this.show(news)
      } else if (answer.status === 404) {
        again = 0
        if (!this.gone) this.turn("gone")
        this.gone = true
      } else {
        this.text.textContent = (await answer.json()).detail
      }
      this.failures = 0
    } catch { // the server is away: it may come back
      if (++this.failures > 1) this.text.textContent = "The app doesn't answer. This page goes on when it does."
    }
    if (nth === this.asking && again && !document.hidden) this.timer = setTimeout(() => this.ask(), 1000 * again)
  }

  /** Have the page drawn anew, once for each change. */
  turn(page) {
    if (page === this.told) return
    this.told = page
    this.tell("moved", page)
  }

  show(news) {
    this.cards.replaceChildren(...news.cards.map((card) => this.card(card)))
    this.text.textContent = news.text
    this.bar.setAttribute("aria-valuenow", Math.round(100 * news.progress))
    this.filled.style.width = `${100 * news.progress}%`
    const [title, advice] = news.warning ?? []
    this.warning.replaceChildren()
    if (title) {
      element("strong", "", this.warning).textContent = title
      element("div", "", this.warning).textContent = advice
    }
    if (news.unit !== this.unit) this.name(news.unit)
    if (news.figure) {
      this.figure = news.figure
      this.stamp = news.stamp
      this.draw()
    }
    if (news.at > this.data.drawn) this.turn(news.page) // what was looked at before tells nothing new
  }

  card({ label, value, help }) {
    const card = document.createElement("div")
    card.className = "wb-live-card"
    if (help) card.title = help
    element("div", "wb-live-label", card).textContent = label
    element("div", "wb-live-value", card).textContent = value
    return card
  }

  draw() {
    if (!this.figure) return
    const { data, layout } = this.figure
    this.chart.style.minHeight = `${layout.height}px`
    this.chart.setAttribute("aria-label", layout.meta.alt)
    if (!window.Plotly) return
    const style = getComputedStyle(this.root)
    const of = (name) => style.getPropertyValue(`--st-${name}`)
    const text = of("text-color")
    const look = layout.template.layout
    look.font = { ...look.font, color: text, family: of("font") || look.font.family }
    look.xaxis = { ...look.xaxis, showgrid: false } // as Streamlit has it, which draws the run once it has ended
    look.hoverlabel = { ...look.hoverlabel, bgcolor: of("background-color"), bordercolor: of("border-color"), font: { color: text } }
    look.modebar = { ...look.modebar, bgcolor: "rgba(0, 0, 0, 0)", color: of("border-color"), activecolor: text }
    window.Plotly.react(this.chart, data, layout, {
      displaylogo: false,
      responsive: true,
      modeBarButtonsToRemove: this.data.left_out,
      toImageButtonOptions: { format: this.data.format, filename: `${this.data.run}-curves`, scale: 2 },
    })
  }
}

const views = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  if (!data.run) {
    plotly(data.plotly).catch(() => {})
    return
  }
  let view = views.get(parentElement)
  if (!view || !parentElement.contains(view.root)) views.set(parentElement, (view = new View(parentElement)))
  view.update(data, setTriggerValue)
  return () => view.stop()
}
