// A valley, the path of a ball in it, and the roots that say whether it arrives.
{
  const { Sliders, rounded } = explorers;
  const STEPS = 40, MOST = 1000, LEVELS = [0.1, 0.7, 2, 4.5, 8, 13, 19], AXES = ["along", "across"];

  class MomentumExplorer extends Sliders {
    settings = {
      first: ["start, along", -4.5, 4.5, 0.1], second: ["start, across", -1.8, 1.8, 0.1],
      rate: ["rate", 0.005, 0.2, 0.001], momentum: ["momentum", 0, 0.98, 0.01], condition: ["condition", 1, 50, 1],
    };

    connectedCallback() {
      super.connectedCallback();
      const picture = this.querySelector(".picture");
      // The start follows a pointer that is pressed on it.
      const drag = (event) => {
        const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.firstElementChild.getScreenCTM().inverse());
        const within = (name, value) => Math.min(Math.max(value, this.settings[name][1]), this.settings[name][2]);
        Object.assign(this.values, { first: within("first", x), second: within("second", -y) });
        this.update();
      };
      picture.onpointerdown = (event) => {
        if (!event.target.matches(".start")) return;
        picture.setPointerCapture(event.pointerId);
        picture.onpointermove = drag;
      };
      picture.onpointerup = () => { picture.onpointermove = null; };
      picture.onpointercancel = picture.onpointerup;
    }

    show() {
      const { first, second, rate, momentum, condition } = this.values, curvatures = [1, condition];
      const whole = arithmetic.descent([first, second], curvatures, rate, momentum, MOST), path = whole.slice(0, STEPS + 1);
      const far = whole.map(([x, y]) => Math.hypot(x, y)), left = far.findLastIndex((size) => size > far[0] / 10) + 1;
      const roots = curvatures.map((curvature) => arithmetic.roots(curvature, rate, momentum));
      const sizes = roots.map((pair) => Math.max(...pair.map(([re, im]) => Math.hypot(re, im))));
      const ovals = LEVELS.map((level) => `<ellipse rx="${Math.sqrt(2 * level)}" ry="${Math.sqrt((2 * level) / condition)}"/>`).join("");
      const points = path.map(([x, y]) => `${Math.max(-99, Math.min(99, x))},${Math.max(-99, Math.min(99, -y))}`);
      const dots = points.slice(1).map((point) => `<circle cx="${point.split(",")[0]}" cy="${point.split(",")[1]}" r="0.05"/>`).join("");
      const worst = Math.max(...sizes), edge = 1.3 * Math.max(1, worst);
      const marks = roots.map((pair, k) => pair.map(([re, im]) => `<circle class="${AXES[k]}" cx="${re}" cy="${-im}" r="${edge / 21}"/>`).join("")).join("");
      const said = sizes.map((size, k) => `${rounded(size)} times as large ${AXES[k]}`).join(", ");
      return {
        picture: `<svg viewBox="-5 -2 10 4" role="img" aria-label="The valley and the path"><g class="level">${ovals}</g><path class="level" d="M-.15 0h.3M0 -.15v.3"/><polyline points="${points.join(" ")}"/>${dots}<circle class="start" cx="${first}" cy="${-second}" r="0.22"/></svg>
          <svg viewBox="${-edge} ${-edge} ${2 * edge} ${2 * edge}" role="img" aria-label="The roots and the unit circle"><circle class="level" r="1"/><path class="level" d="M${-edge} 0h${2 * edge}M0 ${-edge}v${2 * edge}"/>${marks}</svg>`,
        words: `in each step the error becomes ${said}: ${worst < 1 ? `${left > MOST ? `more than a tenth of it is left after ${MOST}` : `less than a tenth of it is left after ${left}`} steps` : "the ball does not arrive"}`,
      };
    }
  }
  customElements.define("momentum-explorer", MomentumExplorer);
}
